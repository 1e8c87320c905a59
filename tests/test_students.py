"""Every taught algorithm: its parent at coefficient 0, no prior misaligned, taught by the loss."""

import inspect
import threading
import time

import numpy as np
import pytest
import torch as th
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    GroundingWrapper,
    ScriptedTeacher,
    Situation,
    TeacherDQN,
    VecTeacher,
)
from gym_llmteacher.errors import GroundingError, StudentError
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.sb3.buffers import with_priors
from tests.signs import Signs
from tests.students import ALL, OFF_POLICY, Masked, WatchedLoss, handed_out, make, parameters
from tests.tagging import Counter, prior_of

OTHERS = [name for name in ALL if name != "PPO"]  # which test_equivalence has


@pytest.mark.parametrize("name", OTHERS)
def test_coefficient_zero_is_the_parent_and_the_parent_loads_it(name, tmp_path):
    taught, parent, _ = ALL[name]
    plain = make(name, parent).learn(240)
    ours = make(name, taught, teacher_coef=0).learn(240)
    assert th.equal(parameters(plain), parameters(ours))
    other = make(name, taught, teacher_coef=1.0).learn(240)
    assert not th.equal(parameters(plain), parameters(other))
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
def test_every_minibatch_has_the_priors_of_its_own_observations(name):
    """Checked where the loss is computed, after all shuffling, padding and coming round again."""
    taught, untaught, padding = [], [], []

    def look(log_probs, prior, share):
        samples = handed_out(model).samples
        pad = samples.mask.numpy() == 0 if name == "RecurrentPPO" else np.zeros(len(prior), bool)
        padding.extend(pad)
        assert not share.numpy()[pad].any()
        weight = (share * share.count_nonzero()).numpy()
        for obs, row, w in zip(
            samples.observations.numpy()[~pad], prior.numpy()[~pad], weight[~pad], strict=True
        ):
            wanted, wanted_weight = prior_of(obs)
            assert w == pytest.approx(wanted_weight, abs=1e-6)
            (taught if w else untaught).append(obs)
            if name == "MaskablePPO":  # what the mask leaves of it
                wanted = wanted * [1, 1, 0] / wanted[:2].sum()
            if w:
                np.testing.assert_allclose(row, wanted, atol=1e-6)
        # Untaught rows and padding are distributions too: divergences may take their logarithm.
        np.testing.assert_allclose(prior.sum(dim=1), 1.0, atol=1e-5)

    model = make(name, teacher_coef=1.0, teacher_divergence=WatchedLoss(on_gradient=look))
    model.learn(240)
    model.learn(240, reset_num_timesteps=False)
    assert len(taught) > 300
    assert len(untaught) > 30
    assert any(padding) == (name == "RecurrentPPO")


def spaces():
    env = Counter()
    return env.observation_space, env.action_space


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
    theirs.pop("kwargs", None)
    ours = {key: value for key, value in ours.items() if key != "kwargs"}
    assert list(ours)[: len(theirs)] == list(theirs)
    assert all(ours[key].default == value.default for key, value in theirs.items())
    extra = {"DQN": ["teacher_temperature"], "SAC": []}.get(name, ["teacher_gates"])
    if name not in (*OFF_POLICY, "RecurrentPPO"):
        extra += ["teacher_replay_steps", "teacher_replay_size", "teacher_augment"]
    common = ["teacher_coef", "teacher_divergence", "teacher_eval_episodes", "teacher_every"]
    assert list(ours)[len(theirs) :] == [*common, *extra]
    own = {"DQN": [0.1], "SAC": []}.get(name, [(), 0, 10_000, None])
    defaults = [None, "cross_entropy", None, 1, *own]
    assert [ours[key].default for key in [*common, *extra]] == defaults[: len(common + extra)]


def test_a_step_that_is_stored_without_its_own_observation_raises():
    """So that any reordering in SB3 fails loudly instead of giving a step another's prior."""
    buffer = with_priors(ReplayBuffer(4, *spaces(), n_envs=1))
    obs, row = np.zeros((1, 2)), (np.zeros((1, 1)), np.zeros(1), np.zeros(1), [{}])
    rows = Rows(np.full((1, 3), 1 / 3, np.float32), np.ones(1, np.float32), {})
    buffer.stage(rows, obs)
    buffer.add(obs, obs, *row)
    buffer.add(obs, obs, *row)  # the user's own: nobody has advised on it
    assert buffer.teacher_weights[:2, 0].tolist() == [1.0, 0.0]
    buffer.stage(rows, obs)
    buffer.add(obs.copy(), obs, *row)
    with pytest.raises(RuntimeError, match=r"ReplayBuffer\.add was not called"):
        buffer.stage(rows, obs)


def test_a_ring_buffer_that_comes_round_forgets_what_was_pending():
    """Or advice that arrives late would be written to another observation."""
    buffer = with_priors(ReplayBuffer(2, *spaces(), n_envs=1))
    obs, row = np.zeros((1, 2)), (np.zeros((1, 1)), np.zeros(1), np.zeros(1), [{}])
    prior, here = np.full((1, 3), 1 / 3, np.float32), Situation("here", ("a",), np.eye(1, 3))
    for pending in ({0: here}, {}, {}):
        buffer.stage(Rows(prior, np.zeros(1, np.float32), pending), obs)
        buffer.add(obs, obs, *row)
        if pending:
            assert buffer.pending == {(0, 0): here}
    assert buffer.pending == {}


def test_a_teacher_whose_advice_is_masked_plays_what_is_not():
    played = []

    class Forbidden(Masked):
        def _info(self, obs):
            return {"teacher_prior": np.eye(3, dtype=np.float32)[2], "teacher_weight": 1.0}

        def step(self, action):
            played.append(int(action))
            return super().step(action)

    model = make("MaskablePPO", env=Forbidden, teacher_coef=1.0, teacher_eval_episodes=16)
    model.learn(96)
    assert set(played[: model.teacher_eval["steps"]]) == {0, 1}


def test_coverage_of_a_q_network_is_the_share_of_its_batches():
    shares = []
    loss = WatchedLoss(on_gradient=lambda q, prior, share: shares.append((share > 0).float()))
    model = make("DQN", n_envs=1, teacher_coef=1.0, teacher_divergence=loss, gradient_steps=3)
    model.learn(34)
    logged = model.logger.name_to_value["teacher/coverage"]
    assert logged == pytest.approx(th.cat(shares[-3:]).mean().item())
    assert 0.5 < logged < 1.0


def test_a_q_network_does_not_wait_for_late_answers():
    """It is updated every few steps: a slow teacher would stop it each time."""
    answer = threading.Event()

    def slow(situation):
        answer.wait(60)
        return ("explore",)

    envs = make_vec_env("LLMTeacher/SimpleDoorKey-v0", 2, seed=0, wrapper_class=GroundingWrapper)
    venv = VecTeacher(envs, ScriptedTeacher(slow), late_timeout=20.0)
    started = time.monotonic()
    try:
        TeacherDQN("MlpPolicy", venv, learning_starts=8, teacher_coef=1.0, buffer_size=100).learn(
            40
        )
        assert time.monotonic() - started < 15
    finally:
        answer.set()
        venv.close()


@pytest.mark.parametrize("name", OTHERS)
def test_bad_arguments_raise_at_construction(name):
    taught = ALL[name][0]
    with pytest.raises(StudentError, match="teacher_divergence is 'wasserstein'"):
        make(name, taught, teacher_divergence="wasserstein")
    if name == "DQN":
        for value in (0, -1.0, float("nan"), float("inf"), "0.1"):
            with pytest.raises(StudentError, match=r"teacher_temperature is .*above 0.*0\.1"):
                make(name, taught, teacher_temperature=value)
    elif name not in ("MaskablePPO", "SAC"):  # whose parent refuses by itself
        with pytest.raises(GroundingError, match="expected Discrete"):
            taught(ALL[name][2]["policy"], "Pendulum-v1")


@pytest.mark.parametrize("name", ALL)
def test_without_any_reward_only_the_teaching_loss_teaches(name):
    obs = np.random.default_rng(0).uniform(-1, 1, (300, 3)).astype(np.float32)

    def agreement(coef):
        fast = {"learning_rate": 1e-2}
        if name in OFF_POLICY:
            fast |= {"train_freq": 4, "gradient_steps": 2, "batch_size": 64, "buffer_size": 4000}
        elif name != "A2C":
            fast |= {"n_epochs": 4, "batch_size": 32}
        model = make(name, ALL[name][0], 4, Signs, teacher_coef=coef, **fast).learn(2000)
        actions, _ = model.predict(obs, deterministic=True)
        return float(np.mean(actions == obs.argmax(axis=1)))

    assert agreement(1.0) > 0.85
    assert agreement(0.0) < 0.7
