"""A message for each mistake a newcomer makes, and none for groundings that are right."""

import random
import threading
from importlib.metadata import version

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import ActionGrounding, Grounding, Option, OptionGrounding, Situation
from gym_llmteacher.groundings.registry import find_grounding
from gym_llmteacher.testing import check_grounding
from tests.box2d import BOX2D_ENVS
from tests.minigrid_levels import LEVELS
from tests.taxi import TAXI

# In minigrid 3.1 a locked room of the episode before changes what these draw.
LEAKY = ("BabyAI-Synth",) if version("minigrid").startswith("3.1.") else ()
MOVES = ["left", "down", "right", "up"]


def lake():
    return gym.make("FrozenLake-v1")


def problems(describe=lambda obs: f"cell {obs}", actions=MOVES, task="reach cell 15"):
    return check_grounding(lake(), ActionGrounding(describe, actions, task))


def test_nothing_is_wrong():
    assert problems() == []


@pytest.mark.parametrize(
    "env_id", ["FrozenLake-v1", TAXI, "CliffWalking-v1", "Blackjack-v1", "MountainCar-v0",
               *BOX2D_ENVS, "LLMTeacher/ColoredDoorKey-v0", *LEVELS[:3], *LEVELS[-3:]],
)  # fmt: skip
def test_our_own_groundings_pass(env_id):
    if env_id.startswith(LEAKY):
        pytest.skip("minigrid 3.1 plays on with an earlier episode's locked room")
    env = gym.make(env_id)
    found = check_grounding(env, find_grounding(env), steps=120)
    # In a few random steps the passenger may never be met, nor a plane land.
    assert [p for p in found if "never acted" not in p and "different texts" not in p] == []


def test_wrong_number_of_names():
    (problem,) = problems(actions=MOVES[:3])
    assert "3 action names (left, down, right) for an env with 4 actions" in problem


def test_actions_that_are_not_discrete():
    grounding = ActionGrounding(lambda obs: "swinging", ["push"], "stand upright")
    (problem,) = check_grounding(gym.make("Pendulum-v1"), grounding)
    assert "the action space is Box(" in problem
    assert "OptionsWrapper(env, grounding=OptionGrounding(" in problem


def test_no_grounding_at_all():
    (problem,) = check_grounding(lake(), lambda obs: "cell")
    assert "expected a Grounding such as ActionGrounding" in problem


def test_describe_returns_none():
    (problem,) = problems(lambda obs: "start" if obs == 0 else None)
    assert "describe returned None" in problem
    assert "every branch" in problem


def test_an_option_that_never_acts():
    options = {"go": Option(lambda obs: 1), "fly": Option(lambda obs: None)}
    grounding = OptionGrounding(lambda obs: f"cell {obs}", options, "reach cell 15")
    (problem,) = check_grounding(lake(), grounding)
    assert problem.startswith("option 'fly' never acted in 300 random steps")
    over = {"go": Option(lambda obs: 1), "end": Option(lambda obs: 1, finished=lambda obs: True)}
    (problem,) = check_grounding(lake(), OptionGrounding(lambda obs: f"cell {obs}", over, "x"))
    assert problem.startswith("option 'end' never acted")


def test_an_option_that_returns_no_action():
    options = {"go": lambda obs, env: 7}
    (problem,) = check_grounding(lake(), OptionGrounding(lambda obs: f"cell {obs}", options, "x"))
    assert "option 'go' returned 7, expected an action of Discrete(4)" in problem


def test_a_text_that_changes_by_itself():
    count = iter(range(10**6))
    (first, *_) = problems(lambda obs: f"look number {next(count)}")
    assert "one observation was described in two ways, 'look number 0' and 'look number 1'" in first


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda env: env.unwrapped.np_random.random(), "the env's random numbers"),
        (lambda env: random.random(), "Python's random module"),
        (lambda env: np.random.random(), "numpy.random"),
    ],
)
def test_random_numbers_that_belong_to_somebody_else(draw, name):
    def describe(obs, env):
        draw(env)
        return f"cell {obs}"

    found = problems(describe)
    assert f"describe draws random numbers from {name}" in found[0]
    # Slippery ice is driven by the env's own numbers: the walk is another one.
    assert any("behaves differently" in p for p in found) == (name == "the env's random numbers")


def test_a_describe_that_acts():
    def describe(obs, env):
        if obs == 4:
            env.unwrapped.s = 0
        return f"cell {obs}"

    (problem,) = problems(describe)
    assert "the env behaves differently when it is described" in problem
    assert "must only look" in problem


def test_a_text_that_hides_what_matters():
    class Vague(Grounding):
        task = "reach cell 15"

        def describe(self, env, obs):
            options = ("left",) if obs % 2 else ("left", "down")
            return Situation("on ice", options, np.eye(len(options), 4), task=self.task)

    (problem,) = check_grounding(lake(), Vague())
    assert "two situations read 'on ice' but differ in task, options or" in problem


def test_rows_that_are_no_distributions():
    class Loud(Grounding):
        def describe(self, env, obs):
            return Situation("on ice", ("left",), np.full((1, 4), 2.0), task="reach cell 15")

    (problem,) = check_grounding(lake(), Loud())
    assert "must be a distribution over actions" in problem


def test_too_many_texts_too_long_a_text_and_no_task():
    env = gym.make("CartPole-v1")
    grounding = ActionGrounding(lambda obs: f"the state is {obs}", ["left", "right"], "balance")
    (problem,) = check_grounding(env, grounding)
    assert "different texts in 300 steps" in problem
    assert "Round numbers" in problem
    (problem,) = problems(lambda obs: "ice " * 2000 + str(obs))
    assert "characters long, expected at most 4,000" in problem
    (problem,) = problems(task="")
    assert "task is empty" in problem


def test_names_that_no_answer_could_name():
    (problem,) = problems(actions=["left", "down", "right, quickly", "up"])
    assert "option 'right, quickly' has a comma" in problem


def test_what_cannot_be_sent_to_another_process():
    lock = threading.Lock()

    def describe(obs):
        with lock:
            return f"cell {obs}"

    (problem,) = problems(describe)
    assert "SubprocVecEnv will fail" in problem
