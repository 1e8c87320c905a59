"""Infos say whether an episode was a success, where env or grounding can tell."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    ActionGrounding,
    GroundingWrapper,
    LLMTeacherWrapper,
    OptionGrounding,
    OptionsWrapper,
    ScriptedTeacher,
    TeacherPPO,
)
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.playing.play import play
from gym_llmteacher.wrappers.success import SuccessInfo
from tests.taxi import TAXI


class Ends(gym.Env):
    """One step, which ends with a reward."""

    observation_space = gym.spaces.Box(0.0, 1.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, says=None):
        self.says = says

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        info = {} if self.says is None else {"is_success": self.says}
        return np.zeros(1, np.float32), float(action), True, False, info


def grounding(solved=None):
    return ActionGrounding(lambda obs: "here", ["stay", "go"], solved=solved)


def after(env, *actions):
    """What the info of the last step says."""
    env.reset(seed=0)
    for action in actions:
        _, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            break
    return info.get("is_success", "not said")


@pytest.mark.parametrize(
    ("env_id", "actions", "said"),
    [
        ("FrozenLake-v1", (1, 2), False),
        ("FrozenLake-v1", (2, 2, 1, 1, 1, 2), True),
        ("FrozenLake-v1", (2, 2, 1, 1), "not said"),
        ("CliffWalking-v1", (0, *[1] * 11, 2), True),
        ("MiniGrid-Empty-5x5-v0", (2, 2, 1, 2, 2), True),
        ("MiniGrid-Empty-5x5-v0", (2, 2, 1, 2), "not said"),
        ("MiniGrid-Empty-5x5-v0", [0] * 100, False),
        ("CartPole-v1", [0] * 20, False),
        (TAXI, [0] * 200, False),
    ],
)
def test_envs_that_do_not_say_it_themselves(env_id, actions, said):
    options = {"is_slippery": False} if "Lake" in env_id else {}
    assert after(SuccessInfo(gym.make(env_id, **options)), *actions) == said
    assert after(GroundingWrapper(make_env(env_id, **options)), *actions) == said


def test_who_says_it_himself_is_believed():
    for says in (True, False):
        other = not says
        env = GroundingWrapper(Ends(says), grounding(lambda reward, terminated, it=other: it))
        assert after(env, 1) is says


def test_a_grounding_of_ones_own():
    def solved(reward, terminated):
        return terminated and reward > 0.5

    options = {"stay": lambda obs: 0, "go": lambda obs: 1}
    for own in (grounding(solved), OptionGrounding(lambda obs: "here", options, solved=solved)):
        assert [after(GroundingWrapper(Ends(), own), a) for a in (0, 1)] == [False, True]
        teacher = ScriptedTeacher(lambda situation: ("go",))
        assert after(LLMTeacherWrapper(Ends(), teacher, own), 1) is True
    chosen = OptionsWrapper(Ends(), grounding=own)
    assert [after(GroundingWrapper(chosen), a) for a in (0, 1)] == [False, True]
    assert after(GroundingWrapper(Ends(), grounding()), 1) == "not said"


def test_an_env_that_nobody_knows_is_left_as_it_is():
    assert after(SuccessInfo(Ends()), 1) == "not said"
    record = play(lambda: SuccessInfo(Ends()), lambda obs, infos, starts: [1] * len(obs), 2)
    assert [episode.success for episode in record.episodes] == [None, None]


def test_a_plain_level_of_minigrid_tells_what_its_teacher_is_worth():
    """Its infos say nothing; without success there is nothing to practise for."""
    envs = make_vec_env(
        lambda: make_env("MiniGrid-Empty-5x5-v0"), 2, seed=0, wrapper_class=LLMTeacherWrapper,
        wrapper_kwargs={"teacher": "script:mission_planner"},
    )  # fmt: skip
    model = TeacherPPO("MlpPolicy", envs, n_steps=64, seed=0, teacher_eval_episodes=4)
    model.learn(256)
    assert model.teacher_record["alone"]["success"] == 1.0
    assert len(model.ep_success_buffer) > 0
