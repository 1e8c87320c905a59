"""Every taught algorithm: its parent at coefficient 0, no prior misaligned, taught by the loss."""

import inspect

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from sb3_contrib import MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

import gym_llmteacher.sb3.off_policy as off_policy
import gym_llmteacher.sb3.on_policy as on_policy
from gym_llmteacher import (
    TeacherA2C,
    TeacherDQN,
    TeacherMaskablePPO,
    TeacherPPO,
    TeacherRecurrentPPO,
)
from gym_llmteacher.errors import GroundingError, ScheduleError
from gym_llmteacher.learning.losses import taught_rows
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.sb3.buffers import with_priors
from tests.tagging import Counter, prior_of

SMALL = {"policy_kwargs": {"net_arch": [16]}, "seed": 3, "device": "cpu"}
ROLLOUT = {"n_steps": 32, "batch_size": 48, "n_epochs": 2, **SMALL}
STUDENTS = {
    "A2C": (TeacherA2C, A2C, {"policy": "MlpPolicy", "n_steps": 32, **SMALL}),
    "MaskablePPO": (TeacherMaskablePPO, MaskablePPO, {"policy": "MlpPolicy", **ROLLOUT}),
    "RecurrentPPO": (
        TeacherRecurrentPPO,
        RecurrentPPO,
        {"policy": "MlpLstmPolicy", **ROLLOUT, "policy_kwargs": {"lstm_hidden_size": 8}},
    ),
    "DQN": (
        TeacherDQN,
        DQN,
        {
            "policy": "MlpPolicy",
            "buffer_size": 90,
            "learning_starts": 30,
            "target_update_interval": 60,
            **SMALL,
        },
    ),
}
ALL = {"PPO": (TeacherPPO, PPO, {"policy": "MlpPolicy", **ROLLOUT}), **STUDENTS}


class Masked(Counter):
    """`Counter` where the last action is forbidden."""

    def action_masks(self):
        return np.array([True, True, False])


def make(name, cls, n_envs=3, env=None, **kwargs):
    env = env or (Masked if name == "MaskablePPO" else Counter)
    return cls(env=make_vec_env(env, n_envs, seed=1), **{**ALL[name][2], **kwargs})


def weights(model):
    return th.cat([p.detach().flatten() for p in model.policy.parameters()])


@pytest.mark.parametrize("name", STUDENTS)
def test_coefficient_zero_is_the_parent_and_the_parent_loads_it(name, tmp_path):
    taught, parent, _ = ALL[name]
    plain = make(name, parent).learn(240)
    ours = make(name, taught, teacher_coef=0).learn(240)
    assert th.equal(weights(plain), weights(ours))
    other = make(name, taught, teacher_coef=1.0).learn(240)
    assert not th.equal(weights(plain), weights(other))
    other.save(tmp_path / "student")
    loaded = parent.load(tmp_path / "student")
    assert type(loaded) is parent
    obs = np.arange(20, dtype=np.float32).reshape(10, 2)
    expected, _ = other.predict(obs, deterministic=True)
    np.testing.assert_array_equal(loaded.predict(obs, deterministic=True)[0], expected)
    again = taught.load(tmp_path / "student", env=other.get_env())
    again.learn(96, reset_num_timesteps=False)
    assert again.num_timesteps >= 240 + 96
    assert again.current_coef == 1.0


@pytest.mark.parametrize("name", ALL)
def test_every_minibatch_has_the_priors_of_its_own_observations(name, monkeypatch):
    """Checked where the loss is computed, after all shuffling, padding and coming round again."""
    seen = []

    def spy(log_probs, prior, weight):
        batch = model._prior_buffer.batch
        for obs, p, w in zip(batch.samples.observations, prior, weight, strict=True):
            padding = w == 0 and float(p.sum()) == 0
            expected, expected_weight = prior_of(obs.numpy())
            seen.append(padding or bool(np.allclose(p.numpy(), expected, atol=1e-6)
                                        and np.isclose(float(w), expected_weight)))  # fmt: skip
            padded.append(padding)
        return taught_rows(log_probs, prior, weight)

    padded = []
    monkeypatch.setattr(on_policy, "taught_rows", spy)
    monkeypatch.setattr(off_policy, "taught_rows", spy)
    model = make(name, ALL[name][0], teacher_coef=1.0)
    model.learn(240)
    model.learn(240, reset_num_timesteps=False)
    assert len(seen) > 400
    assert all(seen)
    assert any(padded) == (name == "RecurrentPPO")
    if name == "RecurrentPPO":
        mask = model.rollout_buffer.batch.samples.mask
        assert (model.rollout_buffer.batch.weight[mask == 0] == 0).all()


def test_the_wrong_envs_rows_would_be_caught(monkeypatch):
    """The negative control of the replay buffer's draw: another draw gives other rows."""
    buffer = with_priors(ReplayBuffer(40, *spaces(), n_envs=4))
    fill(buffer)
    buffer.sample(64)
    right = np.array([prior_of(o)[0] for o in buffer.batch.samples.observations.numpy()])
    np.testing.assert_allclose(buffer.batch.prior.numpy(), right, atol=1e-6)
    monkeypatch.setattr(np.random, "set_state", lambda state: None)
    buffer.sample(64)
    wrong = np.array([prior_of(o)[0] for o in buffer.batch.samples.observations.numpy()])
    assert not np.allclose(buffer.batch.prior.numpy(), wrong)


def spaces():
    env = Counter()
    return env.observation_space, env.action_space


def fill(buffer):
    for step in range(buffer.buffer_size):
        obs = np.array([[env, step] for env in range(4)], dtype=np.float32)
        rows = [prior_of(o) for o in obs]
        prior, weight = np.stack([p for p, _ in rows]), np.array([w for _, w in rows])
        buffer.stage(Rows(prior, weight.astype(np.float32), {}))
        buffer.add(obs, obs, np.zeros((4, 1)), np.zeros(4), np.zeros(4), [{}] * 4)


def test_a_saved_replay_buffer_comes_back_with_its_priors(tmp_path):
    model = make("DQN", TeacherDQN, teacher_coef=1.0).learn(60)
    model.save_replay_buffer(tmp_path / "replay")
    fresh = make("DQN", TeacherDQN, teacher_coef=1.0)
    fresh.load_replay_buffer(tmp_path / "replay")
    np.testing.assert_array_equal(
        fresh.replay_buffer.teacher_priors, model.replay_buffer.teacher_priors
    )
    assert fresh.replay_buffer.teacher_weights.max() > 0
    plain = make("DQN", DQN).learn(60)
    plain.save_replay_buffer(tmp_path / "plain")
    fresh.load_replay_buffer(tmp_path / "plain")
    assert fresh.replay_buffer.teacher_weights.max() == 0
    fresh.learn(60)


@pytest.mark.parametrize("name", ALL)
def test_signature_and_defaults_are_the_parents(name):
    taught, parent, _ = ALL[name]
    ours = inspect.signature(taught).parameters
    theirs = dict(list(inspect.signature(parent.__init__).parameters.items())[1:])
    assert list(ours)[: len(theirs)] == list(theirs)
    assert all(ours[key].default == value.default for key, value in theirs.items())
    extra = ["teacher_temperature"] if name == "DQN" else ["teacher_gates"]
    if name not in ("DQN", "RecurrentPPO"):
        extra += ["teacher_replay_steps", "teacher_replay_size", "teacher_augment"]
    common = ["teacher_coef", "teacher_divergence", "teacher_eval_episodes"]
    assert list(ours)[len(theirs) :] == [*common, *extra]


@pytest.mark.parametrize("name", STUDENTS)
def test_bad_arguments_are_refused_at_once(name):
    taught = ALL[name][0]
    with pytest.raises(ScheduleError, match="teacher_divergence is 'wasserstein'"):
        make(name, taught, teacher_divergence="wasserstein")
    if name == "DQN":
        with pytest.raises(ScheduleError, match="teacher_temperature is 0"):
            make(name, taught, teacher_temperature=0)
    elif name != "MaskablePPO":  # whose parent refuses by itself
        with pytest.raises(GroundingError, match="expected Discrete"):
            taught(ALL[name][2]["policy"], "Pendulum-v1")


class Signs(gym.Env):
    """The teacher names the largest of three numbers; there is no reward at all."""

    observation_space = gym.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def _next(self):
        obs = self.np_random.uniform(-1, 1, 3).astype(np.float32)
        prior = np.eye(3, dtype=np.float32)[obs.argmax()]
        return obs, {"teacher_prior": prior, "teacher_weight": 1.0}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 20
        return self._next()

    def step(self, action):
        self.left -= 1
        obs, info = self._next()
        return obs, 0.0, False, self.left == 0, info

    def action_masks(self):
        return np.ones(3, dtype=bool)


@pytest.mark.parametrize("name", ALL)
def test_without_any_reward_only_the_teaching_loss_teaches(name):
    obs = np.random.default_rng(0).uniform(-1, 1, (300, 3)).astype(np.float32)

    def agreement(coef):
        fast = {"learning_rate": 1e-2}
        if name == "DQN":
            fast |= {"train_freq": 4, "gradient_steps": 2, "batch_size": 64, "buffer_size": 4000}
        elif name != "A2C":
            fast |= {"n_epochs": 4, "batch_size": 32}
        model = make(name, ALL[name][0], 4, Signs, teacher_coef=coef, **fast).learn(2000)
        actions, _ = model.predict(obs, deterministic=True)
        return float(np.mean(actions == obs.argmax(axis=1)))

    assert agreement(1.0) > 0.85
    assert agreement(0.0) < 0.7
