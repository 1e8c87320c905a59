"""A teacher that plays before it teaches: followed if it is better than nobody, else dismissed."""

import copy
import math
import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from hypothesis import given
from hypothesis import strategies as st
from sb3_contrib import MaskablePPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from gym_llmteacher import (
    ActionGrounding,
    Advice,
    GroundingWrapper,
    LLMTeacherWrapper,
    ScriptedTeacher,
    TeacherA2C,
    TeacherDQN,
    TeacherMaskablePPO,
    TeacherPPO,
    VecTeacher,
)
from gym_llmteacher.errors import StudentError
from gym_llmteacher.playing.actors import TeacherActor
from gym_llmteacher.sb3.teacher_eval import TeacherEval, evaluate_teacher
from tests.students import parameters

NAMES = ("left", "right")


class Corridor(gym.Env):
    """Five cells: +1 at the right end, nothing at the left one; a random walk gets there often."""

    observation_space = gym.spaces.Box(0, 1, (7,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, tells=False):
        self.tells = tells
        self.actions = []

    def _obs(self):
        return np.eye(7, dtype=np.float32)[self.cell]

    def action_masks(self):
        return np.array([True, True])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell, self.steps = 3, 0
        return self._obs(), {}

    def step(self, action):
        assert action in (0, 1)
        self.actions.append(int(action))
        self.cell += 2 * int(action) - 1
        self.steps += 1
        over, won = self.cell in (0, 6), self.cell == 6
        info = {"is_success": won} if self.tells and over else {}
        return self._obs(), float(won), over, self.steps >= 30, info


GROUNDING = ActionGrounding(lambda obs: f"You are in cell {obs.argmax()}.", NAMES, "go right")


def taught(answer, tells=False):
    advice = (answer,) if answer else Advice.abstain("nothing to say")
    teacher = ScriptedTeacher(lambda situation: advice)
    return lambda: LLMTeacherWrapper(Corridor(tells), teacher, GROUNDING, smoothing=0.0)


SMALL = {"policy": "MlpPolicy", "seed": 0, "device": "cpu", "policy_kwargs": {"net_arch": [16]}}
ROLLOUT = {**SMALL, "n_steps": 32, "batch_size": 64, "n_epochs": 2}
ALL = {
    "PPO": (TeacherPPO, PPO, ROLLOUT),
    "A2C": (TeacherA2C, A2C, {**SMALL, "n_steps": 16}),
    "MaskablePPO": (TeacherMaskablePPO, MaskablePPO, ROLLOUT),
    "DQN": (TeacherDQN, DQN, {**SMALL, "learning_starts": 100, "buffer_size": 1000}),
}


def make(cls, arguments, answer, tells=False, **kwargs):
    # A copy: A2C writes its optimizer into the dict of its policy's arguments.
    arguments = copy.deepcopy({**arguments, **kwargs})
    return cls(env=make_vec_env(taught(answer, tells), 4, seed=0), **arguments)


@pytest.mark.parametrize("name", ALL)
def test_a_dismissed_teacher_leaves_the_parent_bit_for_bit(name):
    cls, parent, arguments = ALL[name]
    model = make(cls, arguments, "left", teacher_eval_episodes=16)
    with pytest.warns(UserWarning, match=r"not followed: its mean return over 8 episodes was 0,"):
        model.learn(1_000)
    # What the teacher played is of the training's own frames.
    played = 0 if name == "DQN" else model.teacher_record["steps"]
    plain = parent(env=make_vec_env(Corridor, 4, seed=0), **copy.deepcopy(arguments))
    plain.learn(1_000 - played)
    assert th.equal(parameters(plain), parameters(model))
    assert model.num_timesteps == plain.num_timesteps + played
    assert model.teacher_record["outcome"] == "dismissed"
    assert model.teacher_followed is False
    assert model.current_coef == 0.0
    assert model.teacher_coef == 0.0


def test_statistics_of_normalisation_are_left_alone():
    plain = PPO(env=VecNormalize(make_vec_env(Corridor, 4, seed=0)), **ROLLOUT).learn(512)
    model = TeacherPPO(
        env=VecNormalize(make_vec_env(taught("left"), 4, seed=0)),
        teacher_eval_episodes=16,
        **ROLLOUT,
    )
    with pytest.warns(UserWarning, match="not followed"):
        model.learn(512)
    assert th.equal(parameters(plain), parameters(model))
    ours, theirs = model.get_vec_normalize_env(), plain.get_vec_normalize_env()
    assert ours.training
    np.testing.assert_array_equal(ours.obs_rms.mean, theirs.obs_rms.mean)


def test_without_an_evaluation_the_same_teacher_does_harm():
    scores = {}
    for episodes in (0, 16):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make(
                TeacherPPO,
                ROLLOUT,
                "left",
                teacher_eval_episodes=episodes,
                teacher_coef=3.0,
                learning_rate=2e-3,
            )
            model.learn(4_000)
        scores[episodes] = np.mean([episode["r"] for episode in model.ep_info_buffer])
    assert scores[0] < 0.2
    assert scores[16] > 0.8


@pytest.mark.parametrize("name", ALL)
def test_a_teacher_that_solves_its_episodes_teaches_from_the_first_update(name):
    cls, _, arguments = ALL[name]
    taught = {"tells": True, "teacher_coef": 0.7}
    followed = make(cls, arguments, "right", teacher_eval_episodes=16, **taught).learn(600)
    played = 0 if name == "DQN" else followed.teacher_record["steps"]
    always = make(cls, arguments, "right", **taught).learn(600 - played)
    assert followed.teacher_record["outcome"] == "teaches"
    assert th.equal(parameters(followed), parameters(always))
    assert followed.teacher_followed
    assert followed.teacher_eval["success"] == 1.0
    assert followed.teacher_eval["episodes"] == 8  # all alike: no need for more
    # Three steps to the right; envs that are done go on until all are.
    assert followed.teacher_eval["steps"] == 2 * 4 * 3


def test_where_success_is_not_told_returns_are_compared():
    model = make(TeacherPPO, ROLLOUT, "right", teacher_eval_episodes=16, teacher_coef=1.0)
    losses = []
    train = model.train

    def watched():
        before = model.teacher_followed
        train()
        losses.append((before, model.logger.name_to_value["teacher/coef"]))

    model.train = watched
    model.learn(128 * 4)
    assert math.isnan(model.teacher_eval["success"])
    # The first rollout is the untaught student's: it decides, and teaching begins after it.
    assert losses[0] == (None, 0.0)
    assert losses[1:] == [(True, 1.0)] * 3


def test_an_open_question_survives_saving(tmp_path):
    model = make(TeacherPPO, ROLLOUT, "left", teacher_eval_episodes=16)
    model._setup_learn(64)
    assert model.teacher_followed is None
    model.save(tmp_path / "student")
    again = TeacherPPO.load(tmp_path / "student", env=model.get_env())
    with pytest.warns(UserWarning, match="not followed"):
        again.learn(512, reset_num_timesteps=False)
    assert str(again.teacher_eval) == str(model.teacher_eval)  # NaN is not equal to itself
    assert type(PPO.load(tmp_path / "student")) is PPO


def test_a_verdict_survives_saving(tmp_path):
    model = make(TeacherPPO, ROLLOUT, "left", teacher_eval_episodes=16)
    with pytest.warns(UserWarning, match="not followed"):
        model.learn(512)
    model.save(tmp_path / "student")
    again = TeacherPPO.load(tmp_path / "student", env=model.get_env())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.learn(256, reset_num_timesteps=False)
        assert again.current_coef == 0.0
        again.learn(256)  # and is not forgotten when steps are counted anew
    assert again.current_coef == 0.0


def test_a_teacher_that_is_silent_too_often_is_not_judged():
    model = make(TeacherPPO, ROLLOUT, None, teacher_eval_episodes=16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.learn(256)
    assert model.teacher_followed
    assert model.teacher_eval["coverage"] == 0.0


def test_late_answers_are_waited_for():
    teacher = ScriptedTeacher(lambda situation: ("right",))
    venv = DummyVecEnv([lambda: GroundingWrapper(Corridor(True), GROUNDING) for _ in range(4)])
    with VecTeacherOpen(venv, teacher=teacher) as env:
        model = TeacherPPO(env=env, teacher_eval_episodes=8, **ROLLOUT).learn(128)
    assert model.teacher_eval["coverage"] == 1.0
    assert model.teacher_eval["success"] == 1.0


class VecTeacherOpen(VecTeacher):
    """`VecTeacher` for a with statement."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class OnlyRight(Corridor):
    def action_masks(self):
        return np.array([False, True])


def test_masked_actions_are_not_played():
    teacher = ScriptedTeacher(lambda situation: ("left",))
    env = make_vec_env(
        lambda: LLMTeacherWrapper(OnlyRight(True), teacher=teacher, grounding=GROUNDING), 2
    )
    model = TeacherMaskablePPO(env=env, teacher_eval_episodes=8, **ROLLOUT)
    model._setup_learn(64)
    assert set(env.envs[0].unwrapped.actions) == {1}
    assert model.teacher_eval["success"] == 1.0


def test_every_env_plays_as_many_episodes_and_none_is_cut():
    model = make(TeacherPPO, ROLLOUT, "right")
    env = model.get_env()
    model._setup_learn(64)
    played = evaluate_teacher(env, TeacherActor(False, 0, (2,)), 7)
    # Three steps each, eight episodes by four envs.
    assert (played.episodes, played.steps, played.mean_return) == (8, 24, 1.0)


def test_an_episode_without_end_is_counted_after_1000_steps():
    class Endless(gym.Env):
        observation_space, action_space = gym.spaces.Box(0, 1, (1,)), gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            return np.zeros(1, np.float32), info

        def step(self, action):
            return np.zeros(1, np.float32), 1.0, False, False, info

    info = {"teacher_prior": np.array([0.5, 0.5], np.float32), "teacher_weight": 1.0}
    played = evaluate_teacher(DummyVecEnv([Endless]), TeacherActor(), 2)
    assert (played.episodes, played.steps, played.mean_return) == (2, 2000, 1000.0)


@pytest.mark.parametrize("episodes", [-1, 1.5, True, "16"])
def test_bad_numbers_are_refused_at_once(episodes):
    with pytest.raises(StudentError, match="expected a whole number: 16, for example"):
        make(TeacherPPO, ROLLOUT, "right", teacher_eval_episodes=episodes)


returns = st.lists(st.floats(-100, 100), min_size=8, max_size=20)


@given(teacher=returns, student=returns)
def test_verdicts(teacher, student):
    played = TeacherEval(
        len(teacher), float(np.mean(teacher)), float(np.var(teacher, ddof=1)), math.nan, 1.0, 100
    )
    assert played.verdict(student[:7], 100) is None
    late = played.verdict(student, 400)
    assert late in (True, False)
    if late:
        assert np.mean(teacher) > np.mean(student)
        better = [value - 1 for value in student]
        assert played.verdict(better, 400)
    assert played.verdict([], 400)
