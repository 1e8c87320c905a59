"""Buffers of the user's own: labels travel with their rows, or an error names the buffer."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch as th
from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from gym_llmteacher.errors import StudentError
from tests.alone import without_this_package
from tests.students import ALL, WatchedLoss, handed_out, make, parameters
from tests.tagging import prior_of


class Sorted(RolloutBuffer):
    """Rows of a minibatch in the order they were made."""

    def _get_samples(self, batch_inds, env=None):
        return super()._get_samples(np.sort(batch_inds), env)


class Reordered(RolloutBuffer):
    """Minibatches that are reversed after they were made, and all made beforehand."""

    def get(self, batch_size=None):
        batches = list(super().get(batch_size))
        yield from [type(batch)(*(rows.flip(0) for rows in batch)) for batch in batches]


class SortedMasked(MaskableRolloutBuffer):
    def _get_samples(self, batch_inds, env=None):
        return super()._get_samples(np.sort(batch_inds), env)


class OneMoreDraw(ReplayBuffer):
    def _get_samples(self, batch_inds, env=None):
        np.random.rand()
        return super()._get_samples(batch_inds, env)


class Prioritised(ReplayBuffer):
    """Its own draw, its own look-up, the best rewards first."""

    def sample(self, batch_size, env=None):
        steps = np.random.randint(0, self.size(), batch_size)
        envs = np.random.randint(0, self.n_envs, batch_size)
        order = np.argsort(-self.rewards[steps, envs], kind="stable")
        steps, envs = steps[order], envs[order]
        data = (
            self.observations[steps, envs],
            self.actions[steps, envs],
            self.next_observations[steps, envs],
            self.dones[steps, envs].reshape(-1, 1),
            self.rewards[steps, envs].reshape(-1, 1),
        )
        return ReplayBufferSamples(*map(self.to_torch, data))


class ReorderedReplay(ReplayBuffer):
    def sample(self, batch_size, env=None):
        batch = super().sample(batch_size, env)
        order = th.randperm(batch_size)
        return type(batch)(*(rows if rows is None else rows[order] for rows in batch))


OWN = {
    "sorted": ("PPO", {"rollout_buffer_class": Sorted}),
    "reordered": ("PPO", {"rollout_buffer_class": Reordered}),
    "reordered, A2C": ("A2C", {"rollout_buffer_class": Reordered}),
    "sorted, masked": ("MaskablePPO", {"rollout_buffer_class": SortedMasked}),
    "one more draw": ("DQN", {"replay_buffer_class": OneMoreDraw}),
    "prioritised": ("DQN", {"replay_buffer_class": Prioritised}),
    "reordered replay": ("DQN", {"replay_buffer_class": ReorderedReplay}),
    "n steps": ("DQN", {"n_steps": 3}),
    "memory saved": (
        "DQN",
        {
            "optimize_memory_usage": True,
            "replay_buffer_kwargs": {"handle_timeout_termination": False},
        },
    ),
}


@pytest.mark.parametrize("kind", OWN)
def test_labels_travel_with_their_rows(kind):
    name, arguments = OWN[kind]
    rows = []

    def look(log_probs, prior, share):
        weight = (share * share.count_nonzero()).numpy()
        for obs, row, w in zip(
            handed_out(model).samples.observations.numpy(), prior.numpy(), weight, strict=True
        ):
            wanted, wanted_weight = prior_of(obs)
            if name == "MaskablePPO":
                wanted = wanted * [1, 1, 0] / wanted[:2].sum()
            right = w == pytest.approx(wanted_weight, abs=1e-6) and (
                w == 0 or np.allclose(row, wanted, atol=1e-6)
            )
            rows.append(right)

    loss = WatchedLoss(on_gradient=look)
    model = make(name, teacher_coef=1.0, teacher_divergence=loss, **arguments)
    model.learn(240)
    assert len(rows) > 250
    assert all(rows), f"{rows.count(False)} of {len(rows)} rows have another's label"


@pytest.mark.parametrize("kind", OWN)
def test_without_a_coefficient_they_do_what_they_do_in_the_parent(kind):
    name, arguments = OWN[kind]
    plain = make(name, ALL[name][1], **arguments).learn(240)
    ours = make(name, teacher_coef=0, **arguments).learn(240)
    assert th.equal(parameters(plain), parameters(ours))


class WithoutActions(ReplayBuffer):
    """Hands out actions that come from elsewhere."""

    def _get_samples(self, batch_inds, env=None):
        batch = super()._get_samples(batch_inds, env)
        return batch._replace(actions=batch.actions[:, :1].clone())


class Relabelled(RolloutBuffer):
    """Exchanges two actions, whose advice it does not exchange."""

    def _get_samples(self, batch_inds, env=None):
        batch = super()._get_samples(batch_inds, env)
        changed = batch.actions.clone()
        changed[:, 0] = 2 - changed[:, 0]
        return batch._replace(actions=changed)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "DQN",
            {"replay_buffer_class": WithoutActions},
            r"of WithoutActions has actions \(32, 1\), expected \(batch, 2\)",
        ),
        (
            "PPO",
            {"rollout_buffer_class": Relabelled},
            r"of Relabelled has \d+ of \d+ actions that are not those it stored",
        ),
    ],
)
def test_what_cannot_be_told_is_an_error_that_names_the_buffer(name, arguments, message):
    with pytest.raises(StudentError, match=message):
        make(name, teacher_coef=1.0, **arguments).learn(240)
    make(name, teacher_coef=0, **arguments).learn(240)  # of no interest without a teacher


def test_a_loss_of_other_observations_is_an_error_that_names_the_buffer():
    class Noisy(ALL["PPO"][0]):
        """Changes what it learns from after the buffer has handed it out."""

        def train(self):
            evaluate = self.policy.evaluate_actions
            self.policy.evaluate_actions = lambda obs, actions: evaluate(obs + 0, actions)
            try:
                super().train()
            finally:
                self.policy.__dict__.pop("evaluate_actions", None)

    class Shuffled(ALL["DQN"][0]):
        def train(self, gradient_steps, batch_size=100):
            draw = self.replay_buffer.sample

            def shuffled(*args, **kwargs):
                batch = draw(*args, **kwargs)
                return batch._replace(observations=batch.observations.flip(0))

            self.replay_buffer.sample = shuffled
            super().train(gradient_steps, batch_size)

    with pytest.raises(StudentError, match="those which ReplayBuffer handed out last"):
        make("DQN", Shuffled, teacher_coef=1.0).learn(240)
    make("PPO", Noisy, teacher_coef=1.0).learn(96)  # what is outside the loss is none of ours


def test_steps_of_the_users_own_are_stored_and_not_taught():
    for coef in (0, 1.0):
        model = make("DQN", n_envs=1, teacher_coef=coef)
        obs, buffer = np.zeros((5, 1, 2)), model.replay_buffer
        rest = (np.ones((5, 1)), np.ones((5, 1)), np.zeros((5, 1)), [[{}]] * 5)
        buffer.extend(obs, obs, *rest)
        buffer.add(obs[0], obs[0], *(part[0] for part in rest))
        model.learn(40)
        assert buffer.size() == 46
        assert (buffer.teacher_weights[:6] == 0).all()
        assert (buffer.teacher_weights[6:46] > 0).any() == bool(coef)


def test_steps_stored_by_a_callback_do_not_take_the_labels_of_others():
    def store(locals_, _):
        buffer = locals_["self"].replay_buffer
        obs = np.full((1, 2), 250.0)  # no observation of the env
        buffer.add(obs, obs, np.zeros((1, 1)), np.zeros(1), np.zeros(1), [{}])
        return True

    model = make("DQN", n_envs=1, teacher_coef=1.0).learn(40, callback=store)
    buffer = model.replay_buffer
    for step in range(buffer.size()):
        obs, weight = buffer.observations[step, 0], buffer.teacher_weights[step, 0]
        prior, wanted = (None, 0.0) if obs[0] == 250 else prior_of(obs)
        assert weight == pytest.approx(wanted, abs=1e-6)
        if wanted:
            np.testing.assert_allclose(buffer.teacher_priors[step, 0], prior, atol=1e-6)


def test_a_saved_buffer_is_the_parents(tmp_path):
    """In a process that does not have this package."""
    taught = make("DQN", teacher_coef=1.0).learn(60)
    taught.save_replay_buffer(tmp_path / "replay")
    make("PPO", teacher_coef=1.0).learn(96).save(tmp_path / "ppo", include=["rollout_buffer"])
    script = f"""
        from stable_baselines3 import DQN, PPO
        model = DQN("MlpPolicy", "CartPole-v1", learning_starts=30)
        model.load_replay_buffer({str(tmp_path / "replay.pkl")!r})
        print(type(model.replay_buffer).__name__, model.replay_buffer.actions.dtype,
              model.replay_buffer.actions.shape, PPO.load({str(tmp_path / "ppo.zip")!r}).n_steps)
    """
    done = without_this_package(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "ReplayBuffer int64 (30, 3, 1) 32"
    # Plain DQN goes on with it. What it has stored since has not been advised on.
    plain = make("DQN", DQN)
    plain.load_replay_buffer(tmp_path / "replay")
    plain.learn(30)
    plain.save_replay_buffer(tmp_path / "more")
    again = make("DQN", teacher_coef=1.0)
    again.load_replay_buffer(tmp_path / "replay")
    assert again.replay_buffer.teacher_weights.max() > 0
    with pytest.warns(UserWarning, match="ReplayBuffer was changed by an algorithm that knows no"):
        again.load_replay_buffer(tmp_path / "more")
    assert again.replay_buffer.teacher_weights.max() == 0
    again.learn(60)


def test_a_rollout_buffer_that_was_saved_with_its_student_is_plain():
    file = io.BytesIO()
    make("PPO", teacher_coef=1.0).learn(96).save(file, include=["rollout_buffer"])
    file.seek(0)
    assert make("PPO").load(file).num_timesteps == 96
    file.seek(0)
    assert PPO.load(file).num_timesteps == 96


def test_a_copied_buffer_is_taught_too():
    model = make("DQN", teacher_coef=1.0).learn(60)
    for copied in (
        copy.deepcopy(model.replay_buffer),
        pickle.loads(pickle.dumps(model.replay_buffer)),
    ):
        weights = vars(copied).get("teacher_weights", vars(copied).get("teacher_labels"))
        weights = weights["weight"] if isinstance(weights, dict) else weights
        np.testing.assert_array_equal(weights, model.replay_buffer.teacher_weights)
        np.testing.assert_array_equal(copied.actions, model.replay_buffer.actions)
        assert copied.actions is not model.replay_buffer.actions
