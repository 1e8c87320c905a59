"""Toy Text and control tasks in words, and scripts that read nothing else."""

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import LLMTeacherWrapper, ScriptedTeacher, Situation
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.groundings.registry import find_grounding
from gym_llmteacher.playing.actors import TeacherActor
from tests.box2d import BOX2D_ENVS
from tests.taxi import TAXI

SCRIPTS = {
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


def alone(env_id, episodes, **kwargs):
    """The teacher plays by itself."""

    def make():
        return LLMTeacherWrapper(gym.make(env_id, **kwargs), teacher={"script": SCRIPTS[env_id]})

    return evaluate(make, TeacherActor(deterministic=True), episodes)


@pytest.mark.parametrize(
    ("env_id", "kwargs", "at_least"),
    [
        ("FrozenLake-v1", {}, 0.6),  # the best there is reaches 0.74 within 100 steps
        ("FrozenLake-v1", {"is_slippery": False}, 1.0),
        (TAXI, {}, 7.0),
        ("CliffWalking-v1", {}, -13.0),
        ("CartPole-v1", {}, 475.0),
        ("MountainCar-v0", {}, -160.0),
        *((name, {}, 200.0) for name in BOX2D_ENVS),
    ],
)
def test_scripts_solve_what_the_words_describe(env_id, kwargs, at_least):
    episodes = {"FrozenLake-v1": 100, "CartPole-v1": 5, "LunarLander-v3": 5}.get(env_id, 20)
    assert alone(env_id, episodes, **kwargs).reward >= at_least


def test_basic_strategy_beats_a_coin():
    assert alone("Blackjack-v1", 1000).reward > -0.15  # at random: -0.4


def here(text):
    return Situation(text, ("stick", "hit"), np.eye(2, dtype=np.float32))


@pytest.mark.parametrize(
    ("hand", "ace", "dealer", "choice"),
    [(12, "without", "4", "stick"), (12, "without", "7", "hit"), (16, "without", "an ace", "hit"),
     (17, "without", "10", "stick"), (18, "with", "9", "hit"), (18, "with", "8", "stick")],
)  # fmt: skip
def test_basic_strategy(hand, ace, dealer, choice):
    text = f"Your hand counts {hand}, {ace} a usable ace. The dealer shows {dealer}."
    (advice,) = ScriptedTeacher.named("blackjack_planner").advise([here(text)])
    assert advice.plans == (((choice,), 1.0),)


def test_a_lake_of_ones_own():
    env = gym.make("FrozenLake-v1", desc=["SFH", "HFH", "HFG"], is_slippery=False)
    wrapped = LLMTeacherWrapper(env, teacher={"script": "frozen_lake_planner"})
    _, info = wrapped.reset(seed=0)
    path = []
    terminated = False
    while not terminated:
        action = int(info["teacher_prior"].argmax())
        path.append(action)
        _, reward, terminated, _, info = wrapped.step(action)
    assert (path, reward) == ([2, 1, 1, 2], 1)
    text = find_grounding(env).describe(env, 0).text
    assert "3 rows and 3 columns; holes at 0,2 1,0 1,2 2,0, goal at 2,2" in text
    assert "not slippery" in text


def test_taxi_options_say_when_they_apply():
    env = gym.make(TAXI)
    grounding = find_grounding(env)
    obs, _ = env.reset(seed=0)
    table = dict(zip(grounding.options, np.asarray(grounding.describe(env, obs).option_actions),
                     strict=True))  # fmt: skip
    assert not table["pick up passenger"].any()  # on the road
    assert not table["drop off passenger"].any()
    env.unwrapped.s = env.unwrapped.encode(0, 0, 0, 1)
    situation = grounding.describe(env, env.unwrapped.s)
    assert situation.text == (
        "The passenger waits at Red and wants to go to Green. The taxi is at Red, empty."
    )
    table = dict(zip(situation.options, np.asarray(situation.option_actions), strict=True))
    assert table["pick up passenger"].argmax() == 4
    assert not table["drive to Red"].any()
    # A wall stands east of here: the way begins by going south.
    env.unwrapped.s = env.unwrapped.encode(0, 1, 0, 1)
    situation = grounding.describe(env, env.unwrapped.s)
    assert situation.option_actions[situation.options.index("drive to Green")].argmax() == 0


@pytest.mark.parametrize("env_id", SCRIPTS)
def test_words_are_few(env_id):
    env = LLMTeacherWrapper(gym.make(env_id), teacher={"script": SCRIPTS[env_id]})
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(500):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()
    assert 1 < len(env._checked) < 460


@pytest.mark.slow
def test_the_embedded_model_drives_a_taxi():
    """Asked by subgoal: code knows the way, the model who comes first."""
    scores = evaluate(
        lambda: LLMTeacherWrapper(gym.make(TAXI)), TeacherActor(deterministic=True), 10
    )
    assert scores.reward > 5
