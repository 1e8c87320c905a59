"""The robot's actions, with the names, shapes and quirks of habitat-lab's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gym import spaces
from habitat.core.embodied_task import SimulatorTaskAction
from habitat.core.registry import registry
from numpy.typing import NDArray

from gym_llmteacher.light_habitat.pddl import AT
from gym_llmteacher.light_habitat.simulator import LightSim

_ANY = float(np.finfo(np.float32).max)
Vector = NDArray[np.float32]


def _box(limit: float, n: int) -> spaces.Box:
    return spaces.Box(-limit, limit, (n,), np.float32)


class _Action(SimulatorTaskAction):
    _sim: LightSim
    _config: Any

    def __init__(self, *args: Any, task: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._task = task
        self.reset()


class _Driving(_Action):
    """Integrates velocities; ``metres`` and ``radians`` per control step at full speed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Read once: looking into a config takes longer than a step of the robot.
        self.metres = float(self._config.lin_speed) / self._sim.ctrl_freq
        self.radians = float(self._config.ang_speed) / self._sim.ctrl_freq
        self._lowest = -1.0 if self._config.allow_back else 0.0

    def drive(self, lin: float, ang: float) -> None:
        lin, ang = max(self._lowest, min(1.0, lin)), max(-1.0, min(1.0, ang))
        self._sim.move(lin * self.metres, ang * self.radians)


@registry.register_task_action(name="LightArmAction")
class LightArmAction(_Action):
    """Seven joints that stay where they are, and a magic gripper."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reach = float(self._config.grasp_thresh_dist)

    @property
    def action_space(self) -> spaces.Dict:
        return spaces.Dict({"arm_action": _box(1.0, 7), "grip_action": _box(1.0, 1)})

    def step(self, *args: Any, grip_action: Any = None, **kwargs: Any) -> None:
        if grip_action is None:
            return
        gripper, sim = self._sim.grasp_mgr, self._sim
        if grip_action[0] >= 0 and not gripper.is_grasped:
            gaps = np.linalg.norm(sim.objects - sim.robot.ee_transform().translation, axis=1)
            nearest = int(gaps.argmin())
            if gaps[nearest] < self._reach:
                gripper.snap_idx = sim.scene_obj_ids[nearest]
        elif grip_action[0] < 0:
            sim.let_go()


@registry.register_task_action(name="LightBaseVelAction")
class LightBaseVelAction(_Driving):
    """Linear and angular velocity of the base."""

    @property
    def action_space(self) -> spaces.Dict:
        return spaces.Dict({"base_vel": _box(20.0, 2)})

    def step(self, *args: Any, base_vel: Any, **kwargs: Any) -> None:
        lin, ang = (float(v) for v in base_vel)
        if lin or ang:
            self.drive(lin, ang)


@registry.register_task_action(name="LightStopAction")
class LightStopAction(SimulatorTaskAction):
    """Says that the episode should end where its slot is above 0; see `LightPddlSuccess`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reset()

    def reset(self, *args: Any, **kwargs: Any) -> None:
        self.does_want_terminate = False

    def step(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("rearrange_stop", [1.0])[0] > 0.0:
            self.does_want_terminate = True


@registry.register_task_action(name="LightOracleNavAction")
class LightOracleNavAction(_Driving):
    """Drives towards the entity of a 1-based index; 0 does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._near = float(self._config.dist_thresh)
        self._straight = float(self._config.turn_thresh)
        self._around = float(self._config.spawn_max_dist_to_obj)
        self._poss_entities = self._task.pddl_problem.get_ordered_entities_list()

    @property
    def action_space(self) -> spaces.Dict:
        return spaces.Dict({"oracle_nav_action": _box(_ANY, 1)})

    def reset(self, *args: Any, **kwargs: Any) -> None:
        self.skill_done = False
        if getattr(self, "_episode", None) != self._task._episode_id:
            self._targets: dict[int, tuple[Vector, Vector]] = {}
            self._episode = self._task._episode_id

    def _target(self, index: int) -> tuple[Vector, Vector]:
        """Where to stand, and what to look at."""
        if index in self._targets:
            return self._targets[index]
        info, sim = self._task.pddl_problem.sim_info, self._sim
        thing = np.array(info.get_entity_pos(self._poss_entities[index - 1]), np.float32)
        if sim.manners.random_arrival:
            drawn = sim.random_point(thing, self._around)
            stand = sim.robot.base_pos.copy() if drawn is None else drawn
        else:
            stand = sim.safe_snap_point(thing)
        if sim.manners.random_arrival or sim.manners.remember_targets:
            self._targets[index] = stand, thing
        return stand, thing

    def step(self, *args: Any, oracle_nav_action: Any, **kwargs: Any) -> None:
        self.skill_done = False
        index = int(oracle_nav_action[0])
        if not 0 < index <= len(self._poss_entities):
            return
        robot, sim = self._sim.robot, self._sim
        goal, thing = self._target(index)
        path = sim.get_straight_shortest_path_points(robot.base_pos, goal)
        if _flat(goal - robot.base_pos) < self._near or len(path) < 2:
            turn = _bearing(robot, thing)
            self.skill_done = abs(turn) < self._straight
            if self.skill_done and not sim.manners.remember_targets:
                self._targets.pop(index, None)
            self.drive(0.0, turn / self.radians)
            return
        turn = _bearing(robot, path[1])
        if abs(turn) < self._straight:
            self.drive(_flat(path[1] - robot.base_pos) / self.metres, 0.0)
        else:
            self.drive(0.0, turn / self.radians)


@registry.register_task_action(name="LightPddlApplyAction")
class LightPddlApplyAction(_Action):
    """Applies abstract actions where their preconditions hold: ``pick`` grasps from a distance."""

    def __init__(self, *args: Any, task: Any, **kwargs: Any) -> None:
        self._entities_list: list[Any] = task.pddl_problem.get_ordered_entities_list()
        super().__init__(*args, task=task, **kwargs)

    @property
    def action_space(self) -> spaces.Dict:
        n = sum(action.n_args for action in self._task.pddl_problem.get_ordered_actions())
        return spaces.Dict({"pddl_action": _box(_ANY, n)})

    @property
    def entities(self) -> list[Any]:
        return self._entities_list

    @property
    def was_prev_action_invalid(self) -> bool:
        return self._invalid

    def reset(self, *args: Any, **kwargs: Any) -> None:
        self._invalid = False

    def step(self, *args: Any, pddl_action: Any, **kwargs: Any) -> None:
        self._invalid = False
        problem, start, entities = self._task.pddl_problem, 0, self._entities_list
        if any(not 0 <= slot <= len(entities) for slot in pddl_action):
            return
        for action in problem.get_ordered_actions():
            given = pddl_action[start : start + action.n_args]
            slots = [int(slot) - 1 for slot in given]
            if self._sim.manners.strict_slots and sum(given) > 0 and min(slots) < 0:
                raise ValueError(f"Got invalid action value < 0 in {given} with action {action}")
            start += action.n_args
            if max(slots) >= 0 and action.name == "pick":
                self._invalid = not self._pick(problem.sim_info, entities[slots[0]])

    def _pick(self, info: Any, entity: Any) -> bool:
        sim = self._sim
        held = sim.grasp_mgr.is_grasped
        if held or entity.name not in info.obj_ids:
            return False
        if _flat(info.get_entity_pos(entity) - sim.robot.base_pos) > AT:
            return False
        sim.grasp_mgr.snap_idx = sim.scene_obj_ids[info.obj_ids[entity.name]]
        return True


def _flat(vector: Vector) -> float:
    return math.hypot(float(vector[0]), float(vector[2]))


def _bearing(robot: Any, point: Vector) -> float:
    ahead, left, _ = robot.local(np.asarray(point, np.float32))
    return math.atan2(left, ahead)
