"""Sensors with the names, shapes and conventions of habitat-lab's rearrangement sensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from gym import spaces
from habitat.core.registry import registry
from habitat.core.simulator import Sensor, SensorTypes

from gym_llmteacher.light_habitat.simulator import LightSim

_ANY = float(np.finfo(np.float32).max)


def _register(
    name: str, uuid: str, n: int, read: Callable[[LightSim, Any], Any], limit: float = _ANY
) -> None:
    """Register a sensor: ``n`` float32 numbers, read from simulator and task."""

    class LightSensor(Sensor):
        def __init__(self, sim: LightSim, task: Any, config: Any, **kwargs: Any) -> None:
            self._sim, self._task = sim, task
            super().__init__(config=config)

        def _get_uuid(self, *args: Any, **kwargs: Any) -> str:
            return uuid

        def _get_sensor_type(self, *args: Any, **kwargs: Any) -> Any:
            return SensorTypes.TENSOR

        def _get_observation_space(self, *args: Any, **kwargs: Any) -> spaces.Box:
            low = -limit if limit == _ANY else 0.0
            return spaces.Box(low, limit, (n,), np.float32)

        def get_observation(self, *args: Any, **kwargs: Any) -> Any:
            return np.array(read(self._sim, self._task), np.float32).reshape(n)

    registry.register_sensor(LightSensor, name=name)


def _polar(sim: LightSim, task: Any) -> tuple[float, float]:
    ahead, left, _ = sim.robot.local(sim.get_target_objs_start()[0])
    return math.hypot(ahead, left), -math.atan2(left, ahead)


def _from_gripper(sim: LightSim, task: Any) -> Any:
    robot = sim.robot
    return robot.local(sim.get_target_objs_start()[0]) - robot.local(
        robot.ee_transform().translation
    )


def _finished(sim: LightSim, task: Any) -> bool:
    return bool(task.actions["oracle_nav_action"].skill_done)


_register("LightTargetStartGpsCompassSensor", "obj_start_gps_compass", 2, _polar)
_register("LightTargetStartSensor", "obj_start_sensor", 3, _from_gripper)
_register("LightJointSensor", "joint", 7, lambda sim, task: np.zeros(7))
_register("LightIsHoldingSensor", "is_holding", 1, lambda s, t: s.grasp_mgr.is_grasped, 1.0)
_register(
    "LightEEPositionSensor", "ee_pos", 3,
    lambda sim, task: sim.robot.local(sim.robot.ee_transform().translation),
)  # fmt: skip
_register(
    "LightLocalizationSensor", "localization_sensor", 4,
    lambda sim, task: [*sim.robot.base_pos, sim.robot.base_rot],
)  # fmt: skip
_register("LightHasFinishedOracleNavSensor", "has_finished_oracle_nav", 1, _finished, 1.0)
