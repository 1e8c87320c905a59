"""The adapter: the same bodies for the light simulator and for the real one."""

import gymnasium as gym
import habitat
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from habitat.core.environments import RLTaskEnv
from habitat.gym import make_gym_from_config
from habitat.gym.gym_wrapper import HabGymWrapper
from stable_baselines3.common.env_checker import check_env as sb3_check

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.habitat import HabitatEnv
from tests.habitat.playing import play


@pytest.mark.parametrize("actions", ["options", "primitives", "raw"])
@pytest.mark.filterwarnings("ignore:.*Box.*:UserWarning")
def test_both_checkers_pass(make_env, actions):
    env = make_env(actions)
    sb3_check(env)
    gymnasium_check(env, skip_render_check=True)


def test_all_that_is_below_is_habitat_labs_own(make_env):
    env = make_env()
    assert type(env.habitat) is habitat.Env
    assert type(env._gym) is HabGymWrapper
    assert type(env._gym.env) is RLTaskEnv
    assert env.observation_space["head_depth"].shape == (32, 32, 1)
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    assert obs["head_depth"].dtype == obs["state"].dtype == np.float32


def test_an_env_made_before_a_gym_env_and_a_config_are_taken(config, simulator):
    names = {"objects": ("apple",)} if simulator == "light" else {}
    built = habitat.Env(config())
    around = HabitatEnv(built, **names)
    assert around.habitat is built
    around.reset(seed=0)
    assert np.isfinite(around.step(0)[1])
    around.close()
    made = make_gym_from_config(config())
    assert HabitatEnv(made, **names).habitat is made.unwrapped.habitat_env
    made.close()


def test_a_seed_decides_and_reorders_the_episodes(make_env):
    env = make_env()

    def order(seed, n=4):
        ids = []
        for k in range(n):
            env.reset(seed=seed if k == 0 else None)
            ids.append(env.habitat.current_episode.episode_id)
        return ids

    assert order(0) == order(0)
    assert order(1) == order(1)
    orders = {tuple(order(seed)) for seed in range(6)}
    assert len(orders) > 3


def test_equal_seeds_and_actions_give_equal_episodes(make_env):
    env = make_env("primitives")

    def roll():
        obs, _ = env.reset(seed=5)
        seen = [obs]
        for action in [0, 1, 0, 2, 0, 0]:
            seen.append(env.step(action)[0])
        return seen

    for a, b in zip(roll(), roll(), strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def test_the_step_limit_truncates(make_env):
    env = make_env(overrides=["habitat.environment.max_episode_steps=7"])
    env.reset(seed=0)
    wait = env.options.index("wait")
    ends = [env.step(wait)[2:4] for _ in range(7)]
    assert ends == [(False, False)] * 6 + [(False, True)]


def test_success_terminates_and_pays(make_env):
    env = make_env()
    env.reset(seed=0)
    success, steps, terminated, truncated = play(env)
    assert (success, terminated, truncated) == (True, True, False)
    assert steps > 1
    assert env.world.holding == env.world.target


def test_success_in_the_very_last_step_is_no_truncation(make_env):
    env = make_env()
    env.reset(seed=3)
    _, steps, *_ = play(env)
    env = make_env(overrides=[f"habitat.environment.max_episode_steps={steps}"])
    env.reset(seed=3)
    assert play(env) == (True, steps, True, False)


def test_a_stop_ends_the_episode_and_a_zero_grip_grasps(make_env):
    env = make_env("raw")
    env.reset(seed=0)
    stop = env.controls.rest(holding=False)
    stop[env.controls.slots["rearrange_stop"]] = 1.0
    *_, terminated, truncated, info = env.step(stop)
    assert (terminated, truncated, info["is_success"]) == (True, False, False)
    slots = env.controls.slots
    assert env.controls.rest(holding=False)[slots["grip_action"]] == -1.0
    assert env.controls.rest(holding=True)[slots["grip_action"]] == 1.0
    assert list(slots) == [
        "arm_action", "grip_action", "base_vel", "oracle_nav_action", "pddl_action",
        "rearrange_stop",
    ]  # fmt: skip
    assert env.controls.size == env.action_space.shape[0] == 16


def test_what_is_held_stays_held_until_it_is_dropped(make_env):
    env = make_env(overrides=["habitat.task.end_on_success=False"])
    env.reset(seed=0)
    name = env.world.target
    for option in (f"navigate to {name}", f"pick {name}"):
        while (action := env.option_action(option)) is not None:
            env.step(action)
    wait = env.options.index("wait")
    for _ in range(3):
        env.step(wait)
        assert env.world.holding == name
    env.step(env.option_action("drop"))
    assert env.world.holding is None
    assert env.option_action("drop") is None


def test_a_pick_from_afar_does_nothing(make_env):
    env = make_env()
    env.reset(seed=0)
    pick = env.options.index(f"pick {env.world.target}")
    assert env.option_action(f"pick {env.world.target}") is None
    env.step(pick)
    assert env.world.holding is None


def test_render(make_env):
    env = make_env(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 10
    assert make_env().render() is None


def test_errors_say_what_to_do(config, make_env):
    with pytest.raises(GroundingError, match="expected one of options, primitives, raw"):
        HabitatEnv(config(), actions="discrete")
    with pytest.raises(GroundingError, match=r"expected also oracle_nav_action, pddl_action.*Cure"):
        make_env(overrides=["habitat.gym.action_keys=[arm_action,base_velocity]"])
    env = make_env("raw")
    env.reset(seed=0)
    with pytest.raises(GroundingError, match="expected actions='options' or 'primitives'"):
        env.option_action("drop")
    assert isinstance(env.action_space, gym.spaces.Box)
