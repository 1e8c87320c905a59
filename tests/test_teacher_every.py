"""Taught at every n-th step: what is described, what is taught, and what the teacher plays."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import LLMTeacherWrapper, ScriptedTeacher, StudentError, TeacherPPO, VecTeacher
from gym_llmteacher.wrappers.grounding import GroundingWrapper
from tests.track import RIGHT, Track, on

STEPS, N_ENVS = 32, 2


class Counting(ScriptedTeacher):
    """Goes right, and counts how often it was asked."""

    def __init__(self):
        super().__init__(lambda situation: (RIGHT,))
        self.asked = 0

    def advise(self, situations):
        self.asked += len(situations)
        return super().advise(situations)


def weights_of(every, teacher=None, **options):
    """Weights of one rollout, ``(STEPS, N_ENVS)``, where episodes began, and the student."""
    teacher = teacher or Counting()
    env = make_vec_env(
        Track, N_ENVS, seed=0,
        wrapper_class=lambda env: LLMTeacherWrapper(env, teacher, on("x")),
    )  # fmt: skip
    model = TeacherPPO(
        "MlpPolicy", env, n_steps=STEPS, batch_size=STEPS, n_epochs=1, seed=0,
        teacher_coef=1.0, teacher_every=every, **options,
    )  # fmt: skip
    kept = []
    buffer_get = model.rollout_buffer.get

    def get(batch_size=None):
        if not kept:
            kept.append(model.rollout_buffer.teacher_weights.reshape(STEPS, N_ENVS).copy())
            kept.append(model.rollout_buffer.episode_starts.copy())
        return buffer_get(batch_size)

    model.rollout_buffer.get = get
    model.learn(STEPS * N_ENVS)
    return *kept, model


@pytest.mark.parametrize("every", [1, 3, 4])
def test_the_first_step_of_an_episode_and_every_nth_after_it(every):
    teacher = Counting()
    weights, starts, _ = weights_of(every, teacher)
    for column, begins in zip(weights.T, starts.T, strict=True):
        since = np.arange(STEPS) - np.maximum.accumulate(np.arange(STEPS) * (begins > 0))
        np.testing.assert_array_equal(column > 0, since % every == 0)
    assert starts[1:].any()  # an episode began on the way
    # One more observation for each env, which belongs to the next rollout, at most.
    assert 0 <= teacher.asked - np.count_nonzero(weights) <= N_ENVS + starts[1:].sum()


def test_a_vec_teacher_leaves_the_same_steps_out():
    env = make_vec_env(Track, N_ENVS, seed=0, wrapper_class=lambda e: GroundingWrapper(e, on("x")))
    model = TeacherPPO(
        "MlpPolicy", VecTeacher(env, Counting()), n_steps=STEPS, batch_size=STEPS, seed=0,
        teacher_coef=1.0, teacher_every=4, n_epochs=1,
    )  # fmt: skip
    model.learn(STEPS * N_ENVS)
    assert model.logger.name_to_value["teacher/coverage"] == pytest.approx(
        np.mean(weights_of(4)[0] > 0)
    )


def test_the_teacher_itself_plays_with_advice_at_every_step():
    """What it earns does not depend on how often a student is taught."""

    def alone(every):
        env = make_vec_env(
            "LLMTeacher/SimpleDoorKey-v0", 2, seed=0,
            wrapper_class=lambda env: LLMTeacherWrapper(env, {"script": "door_key_planner"}),
        )  # fmt: skip
        model = TeacherPPO(
            "MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, seed=0,
            teacher_every=every, teacher_eval_episodes=4,
        )  # fmt: skip
        return model.learn(16).teacher_record["alone"]

    assert alone(1) == alone(4)
    assert alone(4)["success"] == 1.0


def test_what_cannot_be_is_refused():
    with pytest.raises(StudentError, match="teacher_every is 0, expected a whole number >= 1"):
        TeacherPPO("MlpPolicy", "CartPole-v1", teacher_every=0)

    class Own(gym.Wrapper):
        def reset(self, **kwargs):
            obs, info = self.env.reset(**kwargs)
            return obs, {**info, "teacher_prior": np.full(2, 0.5, np.float32)}

    model = TeacherPPO("MlpPolicy", Own(gym.make("CartPole-v1")), teacher_every=4, n_steps=64)
    with pytest.raises(StudentError, match="teacher_every is 4, but nobody behind the env"):
        model.learn(64)
