"""Options as actions."""

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

from gym_llmteacher.envs import env_id
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.wrappers.options import OptionsWrapper

OPTIONS = ["explore", "go to key", "pick up key", "go to door", "open door"]


def options_env(**kwargs):
    return OptionsWrapper(gym.make(env_id("SimpleDoorKey")), OPTIONS, noop_action=6, **kwargs)


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_check_env():
    check_env(options_env(), skip_render_check=True)


def test_a_handful_of_options_open_the_door():
    env = options_env()
    solved = []
    for seed in range(50):
        env.reset(seed=seed)
        frames = steps = 0
        while True:
            here = env.grounding.describe(env.env, env._obs)
            wanted = {subgoal.name: subgoal.plan for subgoal in here.subgoals}
            plan = wanted["door" if here.state.endswith("the key.") else "key"]
            doable = [o for o in plan if env._primitive(here, o) is not None]
            *_, reward, terminated, truncated, info = env.step(OPTIONS.index(doable[0]))
            frames += info["option_steps"]
            steps += 1
            if terminated or truncated:
                break
        assert frames == env.unwrapped.step_count
        assert reward == (1 - 0.9 * frames / 150 if terminated else 0)
        solved.append(steps)
    assert sum(solved) / len(solved) < 12  # where single actions take about 20


def test_an_option_that_does_not_apply_costs_one_step():
    env = options_env()
    env.reset(seed=0)
    *_, info = env.step(OPTIONS.index("open door"))
    assert info["option_steps"] == 1
    assert env.unwrapped.step_count == 1


def test_an_option_cannot_go_on_for_ever():
    env = options_env(max_length=2)
    env.reset(seed=0)
    assert env.step(0)[-1]["option_steps"] <= 2


@pytest.mark.parametrize("options", [[], "explore"])
def test_no_options(options):
    with pytest.raises(GroundingError, match="expected a list of option names"):
        OptionsWrapper(gym.make(env_id("SimpleDoorKey")), options)
