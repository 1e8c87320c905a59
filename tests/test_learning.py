"""It learns, and it is the teacher it learns from: each claim with its ablation."""

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import LLMTeacherWrapper, ScriptedTeacher, TeacherPPO
from gym_llmteacher.experiments.config import ppo_arguments
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.playing.actors import StudentActor
from gym_llmteacher.teachers.scripted import door_key_planner
from tests.lessons import PLANNER, TASK, NoReward, agreement, taught
from tests.students import log_of


@pytest.mark.slow
def test_the_teaching_loss_alone_teaches_the_policy():
    """Without any reward: what is learned can only come from the priors."""
    before = agreement(taught(1.0, NoReward))
    with_teacher = agreement(taught(1.0, NoReward).learn(10_000))
    without = agreement(taught(0.0, NoReward).learn(10_000))
    assert before < 0.45
    assert with_teacher > 0.55  # 0.64 to 0.8, by the seed
    assert without < 0.45


@pytest.mark.slow
def test_a_taught_student_opens_doors_that_plain_ppo_does_not():
    steps, arguments = 20_000, {**ppo_arguments(map_like=True), "seed": 0, "device": "cpu"}
    env = make_vec_env(TASK, 8, seed=0, wrapper_class=lambda e: LLMTeacherWrapper(e, PLANNER))
    student = TeacherPPO(env=env, **arguments).learn(steps)
    assert student.current_coef == 0.0
    plain = PPO(env=make_vec_env(TASK, 8, seed=0), **arguments).learn(steps)

    def success(model):
        return evaluate(lambda: gym.make(TASK), StudentActor(model, False), 100).success

    assert success(student) >= 0.8
    assert success(plain) <= 0.1


def test_the_logger_tells_what_the_teacher_does():
    rows = log_of(taught(1.0), 1024)
    assert len(rows) == 2
    last = rows[-1]
    assert last["teacher/coef"] == 1.0
    assert last["teacher/coverage"] == 1.0
    assert 0 < last["teacher/kl"] < last["teacher/loss"] < 3
    assert 0 <= last["teacher/agreement"] <= 1


def test_after_the_cut_the_teacher_is_not_asked():
    asked = []
    teacher = ScriptedTeacher(lambda seen: asked.append(seen) or door_key_planner(seen))

    def envs():
        return make_vec_env(TASK, 2, seed=0, wrapper_class=lambda e: LLMTeacherWrapper(e, teacher))

    model = TeacherPPO("MlpPolicy", envs(), n_steps=64, batch_size=64, n_epochs=1, seed=0,
                       teacher_coef={"shape": "linear", "start": 1.0, "steps": 256})  # fmt: skip
    model.learn(256)
    # One question per observation (the first of each env included) but those that end an episode.
    in_teaching = len(asked)
    assert 250 <= in_teaching <= 258
    model.learn(256, reset_num_timesteps=False)
    assert len(asked) == in_teaching
    model.set_env(envs())  # which do not know yet
    model.learn(256, reset_num_timesteps=False)
    assert len(asked) == in_teaching
    model.learn(128, reset_num_timesteps=True)
    assert len(asked) > in_teaching  # a new training asks again


def test_gradients_reach_only_taught_rows():
    """A teacher that always abstains leaves PPO as it is, bit for bit."""

    class Silent(gym.Wrapper):
        def _info(self, info):
            return {**info, "teacher_prior": np.full(2, 0.5, np.float32), "teacher_weight": 0.0}

        def reset(self, **kwargs):
            obs, info = self.env.reset(**kwargs)
            return obs, self._info(info)

        def step(self, action):
            *rest, info = self.env.step(action)
            return (*rest, self._info(info))

    def weights(algorithm, **kwargs):
        env = make_vec_env("CartPole-v1", 2, seed=0, wrapper_class=Silent)
        model = algorithm("MlpPolicy", env, n_steps=64, batch_size=64, seed=0, **kwargs)
        return th.cat([p.detach().flatten() for p in model.learn(256).policy.parameters()])

    assert th.equal(weights(PPO), weights(TeacherPPO, teacher_coef=5.0))
