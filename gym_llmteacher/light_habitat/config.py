"""Turn a config for the real simulator into one for the light one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gym_llmteacher.habitat.configs import nav_pick_config
from gym_llmteacher.light_habitat.manners import Manners

LIGHT_TYPES = {
    "RearrangeSim-v0": "LightSim-v0",
    "RearrangePddlTask-v0": "LightPddlTask-v0",
    "ArmAction": "LightArmAction",
    "BaseVelAction": "LightBaseVelAction",
    "RearrangeStopAction": "LightStopAction",
    "PddlApplyAction": "LightPddlApplyAction",
    "OracleNavAction": "LightOracleNavAction",
    "TargetStartGpsCompassSensor": "LightTargetStartGpsCompassSensor",
    "TargetStartSensor": "LightTargetStartSensor",
    "JointSensor": "LightJointSensor",
    "IsHoldingSensor": "LightIsHoldingSensor",
    "EEPositionSensor": "LightEEPositionSensor",
    "LocalizationSensor": "LightLocalizationSensor",
    "HasFinishedOracleNavSensor": "LightHasFinishedOracleNavSensor",
    "PddlSuccess": "LightPddlSuccess",
    "PddlSubgoalReward": "LightPddlSubgoalReward",
}
"""Registered type of the real task -> that of the light simulator."""


def light_config(
    overrides: Sequence[str] = (), *, episodes: int = 100, houses: int = 10, seed: int = 0,
    first: int = 0, speed: float = 3.0, manners: Manners | None = None,
) -> Any:  # fmt: skip
    """Compose *Nav & Pick* for the light simulator.

    This is `nav_pick_config` with other registered types; sensors and measures that need physics
    are left out.

    :param overrides: in hydra's notation
    :param episodes: generated episodes
    :param houses: generated houses, taken in turn
    :param seed: of houses and episodes
    :param first: number of the first episode; others give unseen episodes in the same houses
    :param speed: how much farther than the real robot one step goes; 3 makes 0.25 m and 0.5 rad
    :param manners: of the real simulator; default: none of them
    :return: ``omegaconf.DictConfig``
    """
    from omegaconf import OmegaConf, open_dict, read_write

    from gym_llmteacher.light_habitat.dataset import LightDatasetConfig

    config = nav_pick_config(overrides)
    with read_write(config), open_dict(config):
        habitat = config.habitat
        habitat.dataset = OmegaConf.structured(
            LightDatasetConfig(episodes=episodes, houses=houses, seed=seed, first=first)
        )
        habitat.simulator = _with_manners(habitat.simulator, manners or Manners())
        for node in (habitat.simulator, habitat.task):
            node.type = LIGHT_TYPES[node.type]
        for group in (habitat.task.actions, habitat.task.lab_sensors, habitat.task.measurements):
            for name in list(group):
                if group[name].type in LIGHT_TYPES:
                    group[name].type = LIGHT_TYPES[group[name].type]
                else:
                    del group[name]
        for name in ("base_velocity", "oracle_nav_action"):
            habitat.task.actions[name].lin_speed *= speed
            habitat.task.actions[name].ang_speed *= 2 * speed
    return config


def _with_manners(simulator: Any, manners: Manners) -> Any:
    """The same config with one more key, which its own class would refuse."""
    from omegaconf import OmegaConf

    from gym_llmteacher.light_habitat.simulator import LightSimulatorConfig

    config = OmegaConf.structured(LightSimulatorConfig(manners=manners))
    for key in simulator:
        config[key] = simulator[key]
    return config
