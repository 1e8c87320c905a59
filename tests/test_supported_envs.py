"""Every env id that has a grounding: Gymnasium's checks, and rollouts that can be repeated."""

import gymnasium as gym
import minigrid  # noqa: F401
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from gym_llmteacher import LLMTeacherWrapper
from gym_llmteacher.envs import TASKS, env_id
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.registry import find_grounding
from tests.box2d import BOX2D_ENVS
from tests.taxi import TAXI

TOY = {
    "FrozenLake-v1": "frozen_lake_planner",
    "FrozenLake8x8-v1": "frozen_lake_planner",
    TAXI: "taxi_planner",
    "CliffWalking-v1": "cliff_walking_planner",
    "CliffWalkingSlippery-v1": "cliff_walking_planner",
    "Blackjack-v1": "blackjack_planner",
    "CartPole-v1": "cart_pole_planner",
    "MountainCar-v0": "mountain_car_planner",
    **dict.fromkeys(BOX2D_ENVS, "lunar_lander_planner"),
}
REFUSED = ("Dynamic-Obstacles", "Memory", "Playground", "WFC")
LEVELS = [
    name
    for name in gym.registry
    if name.startswith(("MiniGrid-", "BabyAI-")) and not any(word in name for word in REFUSED)
]
OURS = [env_id(task) for task in TASKS]

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is different from the unwrapped version",
    "ignore:.*out of date",
    # BabyAI sets its time limit at the first reset; Blackjack's observation is a tuple of ints.
    "ignore:.*A Box observation space",
    "ignore:.*max_episode_steps",
)


def taught(name):
    script = TOY.get(name, "door_key_planner" if name in OURS else "mission_planner")
    return LLMTeacherWrapper(gym.make(name), teacher={"script": script})


def rollout(env, steps=25):
    env.action_space.seed(7)
    trace = [env.reset(seed=7)]
    for _ in range(steps):
        trace.append(env.step(env.action_space.sample()))
        if trace[-1][2] or trace[-1][3]:
            trace.append(env.reset())
    return trace


def same(one, two):
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        return all(same(one[key], two[key]) for key in one)
    if isinstance(one, tuple):
        return all(same(a, b) for a, b in zip(one, two, strict=True))
    return np.array_equal(one, two)


def test_there_are_many():
    assert len(LEVELS) > 150


@pytest.mark.parametrize("name", [*OURS, *TOY, *LEVELS])
def test_checks_and_repeatable_rollouts(name):
    env = taught(name)
    check_env(env, skip_render_check=True)
    first = rollout(env)
    assert any(step[-1]["teacher_weight"] > 0 for step in first)
    # The same env again, and another one: nothing of the last episode is left over.
    for again in (rollout(env), rollout(taught(name))):
        for one, two in zip(first, again, strict=True):
            assert same(one, two)


@pytest.mark.parametrize(
    "name",
    [name for name in gym.registry if name.startswith("MiniGrid-") and name not in LEVELS
     and "WFC" not in name],
)  # fmt: skip
def test_the_others_are_refused(name):
    with pytest.raises(GroundingError, match="no grounding knows"):
        find_grounding(gym.make(name))
