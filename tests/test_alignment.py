"""Every stored prior belongs to the observation it is stored with, under every VecEnv.

Two plausible mistakes are made on purpose, and must be caught by the same comparison.
"""

import numpy as np
import pytest
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
    VecTransposeImage,
)

from gym_llmteacher import TeacherPPO
from gym_llmteacher.sb3.infos import current_infos
from tests.tagging import AsDict, Counter, prior_of

N_ENVS, N_STEPS = 4, 60


def original(obs, kind):
    """The first two numbers of the observation, whatever a VecEnv wrapper has made of it."""
    return obs[..., :2, 0, 0] if kind == "VecTransposeImage" else obs[..., -2:]


WRAPPERS = {
    "DummyVecEnv": lambda env: env,
    "SubprocVecEnv": lambda env: env,
    "VecNormalize": lambda env: VecNormalize(env, norm_obs=False),
    "VecFrameStack": lambda env: VecFrameStack(env, 3),
    "VecMonitor": VecMonitor,
    "VecTransposeImage": VecTransposeImage,
    "VecMonitor of VecFrameStack": lambda env: VecMonitor(VecFrameStack(env, 1)),
}


def make_env(kind):
    image = kind == "VecTransposeImage"
    inner = SubprocVecEnv if kind == "SubprocVecEnv" else DummyVecEnv
    env = WRAPPERS[kind](inner([lambda: Counter(image)] * N_ENVS))
    env.seed(0)
    return env


def misaligned(kind, learns=3, student=TeacherPPO):
    """Number of rows, over several calls of ``learn``, whose prior is another observation's."""
    wrong, rows = 0, 0

    class Checked(student):
        def train(self):
            nonlocal wrong, rows
            buffer = self.rollout_buffer
            seen = original(buffer.observations, kind)
            for step in range(N_STEPS):
                for env in range(N_ENVS):
                    prior, weight = prior_of(seen[step, env])
                    same = np.array_equal(prior, buffer.teacher_priors[step, env])
                    wrong += not (same and np.isclose(weight, buffer.teacher_weights[step, env]))
                    rows += 1
            super().train()

    policy = "CnnPolicy" if kind == "VecTransposeImage" else "MlpPolicy"
    env = make_env(kind)
    model = Checked(policy, env, n_steps=N_STEPS, batch_size=60, n_epochs=1, seed=0,
                    teacher_coef=1.0, device="cpu")  # fmt: skip
    for i in range(learns):
        model.learn(N_STEPS * N_ENVS, reset_num_timesteps=i == 0)
    env.close()
    assert rows == learns * N_STEPS * N_ENVS
    return wrong, rows


@pytest.mark.parametrize("kind", WRAPPERS)
def test_no_prior_is_misaligned(kind):
    assert misaligned(kind)[0] == 0


class SameStep(TeacherPPO):
    """Mistake 1: stores the prior of the *new* observation with the old one."""

    def _update_info_buffer(self, infos, dones=None):
        self._last_priors = self._read(current_infos(self._vec_env, infos, dones))
        super()._update_info_buffer(infos, dones)


class ForgetsResets(TeacherPPO):
    """Mistake 2: takes the last info of the old episode for the first of the new one."""

    def _update_info_buffer(self, infos, dones=None):
        super()._update_info_buffer(infos, dones)
        self._last_priors = self._read(infos)


@pytest.mark.parametrize(
    ("mistaken", "least", "most"), [(SameStep, 0.7, 1.0), (ForgetsResets, 0.1, 0.5)]
)
def test_a_mistake_would_be_caught(mistaken, least, most):
    wrong, rows = misaligned("DummyVecEnv", student=mistaken)
    assert least * rows < wrong <= most * rows


def test_a_new_env_between_two_learns_brings_its_own_priors():
    model = TeacherPPO("MlpPolicy", make_env("DummyVecEnv"), n_steps=8, batch_size=8, seed=0,
                       n_epochs=1, teacher_coef=1.0)  # fmt: skip
    model.learn(32)
    model.set_env(make_env("VecMonitor"))
    model.learn(32, reset_num_timesteps=False)
    obs = model.rollout_buffer.observations.reshape(N_ENVS, 8, 2)
    priors = model.rollout_buffer.teacher_priors.reshape(N_ENVS, 8, 3)
    for env in range(N_ENVS):
        for step in range(8):
            np.testing.assert_array_equal(prior_of(obs[env, step])[0], priors[env, step])


def test_an_observation_kept_without_its_prior_is_not_taught(tmp_path):
    """A student that goes on in the middle of an episode, in another process."""
    env = make_env("DummyVecEnv")
    model = TeacherPPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, teacher_coef=1.0)
    model.learn(32).save(tmp_path / "student")
    loaded = TeacherPPO.load(tmp_path / "student", env=env, force_reset=False)
    loaded.learn(32, reset_num_timesteps=False)
    obs = loaded.rollout_buffer.observations.reshape(N_ENVS, 8, 2)
    weights = loaded.rollout_buffer.teacher_weights.reshape(N_ENVS, 8)
    assert (weights[:, 0] == 0).all()
    expected = [[prior_of(obs[env, step])[1] for step in range(1, 8)] for env in range(N_ENVS)]
    np.testing.assert_allclose(weights[:, 1:], expected, atol=1e-6)


def test_dict_observations():
    env = DummyVecEnv([lambda: AsDict(Counter())] * 2)
    model = TeacherPPO("MultiInputPolicy", env, n_steps=20, batch_size=20, n_epochs=1,
                       teacher_coef=1.0)  # fmt: skip
    model.learn(40)
    pairs = model.rollout_buffer.observations["pair"]
    for pair, prior in zip(pairs, model.rollout_buffer.teacher_priors, strict=True):
        np.testing.assert_array_equal(prior_of(pair)[0], prior)
