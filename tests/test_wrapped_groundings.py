"""Wrappers inside a grounding: what would be misread is refused at construction, by name."""

import gymnasium as gym
import minigrid.wrappers as grid
import numpy as np
import pytest
from gymnasium import wrappers

from gym_llmteacher import ActionGrounding, GroundingWrapper, LLMTeacherWrapper
from gym_llmteacher.errors import GroundingError

GO = "BabyAI-GoToLocal-v0"


@pytest.mark.parametrize(
    "wrapper",
    [
        grid.DictObservationSpaceWrapper, grid.FullyObsWrapper, grid.SymbolicObsWrapper,
        grid.RGBImgPartialObsWrapper, grid.RGBImgObsWrapper, grid.ImgObsWrapper,
        grid.FlatObsWrapper, grid.OneHotPartialObsWrapper,
    ],
)  # fmt: skip
def test_what_changes_observations_is_refused_inside_and_welcome_outside(wrapper):
    with pytest.raises(GroundingError, match=f"{wrapper.__name__} is inside.*outside"):
        GroundingWrapper(wrapper(gym.make(GO)))
    inside = LLMTeacherWrapper(gym.make(GO), teacher="script:mission_planner")
    _, info = wrapper(inside).reset(seed=0)
    assert info["teacher_weight"] == 1.0


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: grid.StochasticActionWrapper(gym.make(GO)), "StochasticActionWrapper"),
        (lambda: wrappers.StickyAction(gym.make("CartPole-v1"), 0.5), "StickyAction"),
        (
            lambda: wrappers.MaxAndSkipObservation(gym.make("CartPole-v1"), 2),
            "MaxAndSkipObservation",
        ),
        (
            lambda: wrappers.TransformAction(
                gym.make("CartPole-v1"), lambda a: 1 - a, gym.spaces.Discrete(2)
            ),
            "TransformAction",
        ),
    ],
)
def test_what_changes_actions_is_refused(make, name):
    with pytest.raises(GroundingError, match=f"{name} is inside, and changes what the actions do"):
        GroundingWrapper(make())


def test_wrappers_that_change_nothing_of_it_stay():
    env = grid.ViewSizeWrapper(gym.make(GO), 5)
    env = LLMTeacherWrapper(wrappers.RecordEpisodeStatistics(env), teacher="script:mission_planner")
    _, info = env.reset(seed=0)
    assert info["teacher_weight"] == 1.0


def test_a_grounding_of_ones_own_may_be_made_for_the_wrapped_env():
    env = wrappers.StickyAction(gym.make("CartPole-v1"), 0.5)
    grounding = ActionGrounding(lambda obs: "It leans.", ["push left", "push right"])
    _, info = GroundingWrapper(env, grounding).reset(seed=0)
    assert info["teacher_situation"].text == "It leans."


class Noise(gym.ObservationWrapper):
    def observation(self, obs):
        return obs + np.float32(0.001)


def test_wrappers_of_ones_own_are_ones_own_to_judge():
    assert GroundingWrapper(Noise(gym.make("CartPole-v1"))).reset(seed=0)
