"""What we rely on in habitat-lab's own configs."""

import habitat
import pytest
import torch
from habitat.core.registry import registry

from gym_llmteacher.habitat import nav_pick_config
from gym_llmteacher.light_habitat.config import LIGHT_TYPES, light_config

pytestmark = pytest.mark.habitat_lab

REAL = {
    "benchmark/rearrange/skills/pick.yaml": (
        "RearrangePickTask-v0",
        ["head_depth", "obj_start_sensor", "joint", "is_holding", "relative_resting_position"],
        ["arm_action", "base_velocity"],
        "pick_reward", "pick_success",
    ),
    "benchmark/rearrange/skills/nav_to_obj.yaml": (
        "NavToObjTask-v0",
        ["head_depth", "goal_to_agent_gps_compass", "joint"],
        ["base_velocity", "rearrange_stop"],
        "nav_to_obj_reward", "nav_to_obj_success",
    ),
    "benchmark/rearrange/multi_task/rearrange_easy.yaml": (
        "RearrangePddlTask-v0",
        ["head_depth", "relative_resting_position", "obj_start_sensor", "obj_goal_sensor",
         "obj_start_gps_compass", "obj_goal_gps_compass", "joint", "is_holding", "ee_pos"],
        ["arm_action", "base_velocity", "rearrange_stop"],
        "move_obj_reward", "pddl_success",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", REAL)
def test_real_configs(path):
    config = habitat.get_config(path).habitat
    task, keys, actions, reward, success = REAL[path]
    assert config.task.type == task
    assert list(config.gym.obs_keys) == keys
    assert set(actions) <= set(config.task.actions)
    assert (config.task.reward_measure, config.task.success_measure) == (reward, success)
    agent = config.simulator.agents.main_agent
    assert (agent.articulated_agent_type, agent.sim_sensors.head_depth_sensor.uuid) == (
        "FetchSuctionRobot", "head_depth",
    )  # fmt: skip


def test_nav_pick_composes():
    config = nav_pick_config().habitat
    assert config.simulator.type == "RearrangeSim-v0"
    assert config.task.type == "RearrangePddlTask-v0"
    assert config.env_task == "GymHabitatEnv"
    types = {name: action.type for name, action in config.task.actions.items()}
    assert types == {
        "arm_action": "ArmAction", "base_velocity": "BaseVelAction",
        "rearrange_stop": "RearrangeStopAction", "pddl_apply_action": "PddlApplyAction",
        "oracle_nav_action": "OracleNavAction",
    }  # fmt: skip
    assert config.task.measurements.pddl_success.must_call_stop is False
    sensors = {sensor.type for sensor in config.task.lab_sensors.values()}
    assert {"TargetStartGpsCompassSensor", "HasFinishedOracleNavSensor"} <= sensors
    assert nav_pick_config(["habitat.environment.max_episode_steps=9"]).habitat.environment == {
        **config.environment, "max_episode_steps": 9,
    }  # fmt: skip


def test_what_was_learned_on_the_real_simulator_is_set():
    config = nav_pick_config().habitat
    assert config.simulator.habitat_sim_v0.allow_sliding is True
    navigation = config.task.actions.oracle_nav_action
    # It must stop where `robot_at` holds, 2.0 m in nav_pick_domain.yaml.
    assert navigation.spawn_max_dist_to_obj + navigation.dist_thresh < 2.0


def test_pictures_are_drawn_where_it_can_be_done(monkeypatch):
    simulator = nav_pick_config().habitat.simulator
    assert simulator.concur_render is False
    here = simulator.habitat_sim_v0.gpu_device_id
    assert here == (0 if torch.cuda.is_available() else -1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert nav_pick_config().habitat.simulator.habitat_sim_v0.gpu_device_id == 0
    mine = nav_pick_config(["habitat.simulator.habitat_sim_v0.gpu_device_id=3"])
    assert mine.habitat.simulator.habitat_sim_v0.gpu_device_id == 3


def test_the_light_config_differs_in_types_only():
    real, light = nav_pick_config().habitat, light_config(speed=1.0).habitat
    assert light.gym == real.gym
    assert light.environment == real.environment
    changed = {"RearrangeSim-v0", "RearrangePddlTask-v0"}
    for group in ("actions", "lab_sensors", "measurements"):
        for name, node in light.task[group].items():
            before = real.task[group][name]
            assert node.type == LIGHT_TYPES[before.type]
            changed.add(before.type)
            skip = ("type", "ang_speed")  # the robot turns twice as fast
            assert {k: v for k, v in node.items() if k not in skip} == {
                k: v for k, v in before.items() if k not in skip
            }
    assert changed == set(LIGHT_TYPES)
    assert set(light.task.actions) == set(real.task.actions)


def test_light_types_are_in_the_registry_and_real_names_are_left_alone():
    getters = [
        registry.get_simulator, registry.get_task, registry.get_sensor, registry.get_measure,
        registry.get_task_action,
    ]  # fmt: skip
    for real, light in LIGHT_TYPES.items():
        found = [get(light) for get in getters if get(light) is not None]
        assert [cls.__module__.split(".")[1] for cls in found] == ["light_habitat"], light
        ours = [get(real) for get in getters if get(real) is not None]
        assert all(cls.__module__.startswith("habitat.") for cls in ours), real
