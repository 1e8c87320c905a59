"""Every prior in the train batch belongs to the observation in its row.

A plausible mistake is made on purpose, and must be caught by the same comparison.
"""

import numpy as np
import pytest
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from gym_llmteacher import ScriptedTeacher
from gym_llmteacher.learning.priors import read_priors
from gym_llmteacher.rllib import connector
from gym_llmteacher.rllib.connector import PRIOR, WEIGHT
from gym_llmteacher.rllib.learner import TeacherPPOTorchLearner
from tests.drive import right as right_drive
from tests.drive import script
from tests.rllib.small import TaggedTwice, config, drive, echo, learned, two_priors
from tests.tagging import prior_of

LSTM = DefaultModelConfig(use_lstm=True, lstm_cell_size=8, max_seq_len=7)
CASES = {
    "cut episodes": lambda made: made,
    "whole episodes": lambda made: made.env_runners(batch_mode="complete_episodes"),
    "short fragments": lambda made: made.env_runners(rollout_fragment_length=5),
    "LSTM": lambda made: made.rl_module(model_config=LSTM),
    "two runners": lambda made: made.env_runners(num_env_runners=2),
}


class Watch(TeacherPPOTorchLearner):
    """Compares the rows of every minibatch that count with what their observations say."""

    expected = staticmethod(prior_of)
    rows = wrong = 0

    def compute_loss_for_module(self, *, batch, **kwargs):
        loss = super().compute_loss_for_module(batch=batch, **kwargs)
        real = batch[Columns.LOSS_MASK].numpy().reshape(-1)
        obs, prior, weight = (
            np.asarray(batch[name]).reshape(len(real), -1)[real]
            for name in (Columns.OBS, PRIOR, WEIGHT)
        )
        for o, p, w in zip(obs, prior, weight, strict=True):
            want, much = self.expected(o)
            same = np.allclose(w, much, atol=1e-6) and (
                np.allclose(p, want, atol=1e-6) or not np.any(much)
            )
            Watch.rows += 1
            Watch.wrong += not same
        return loss


class WatchTwice(Watch):
    expected = staticmethod(two_priors)


def misaligned(build, made, watch=Watch, iterations=3):
    """Rows, and how many of them have another observation's prior."""
    Watch.rows = Watch.wrong = 0
    algorithm = build(made.training(learner_class=watch, num_epochs=1))
    for _ in range(iterations):
        algorithm.train()
    return Watch.rows, Watch.wrong


@pytest.mark.parametrize("case", CASES)
def test_no_prior_is_misaligned(build, case):
    rows, wrong = misaligned(build, CASES[case](config(envs=3, batch=120)))
    assert rows > 300
    assert wrong == 0


def test_no_prior_of_two_action_dimensions_is_misaligned(build):
    made = config(envs=3, batch=120).environment(TaggedTwice)
    rows, wrong = misaligned(build, made, WatchTwice)
    assert rows > 300
    assert wrong == 0


def test_a_mistake_would_be_caught(build, monkeypatch):
    """The info of the next observation, as it comes back from ``env.step`` with the reward."""

    def later(infos, *rest):
        return read_priors([*infos[1:], infos[-1]], *rest)

    monkeypatch.setattr(connector, "read_priors", later)
    rows, wrong = misaligned(build, config(envs=3, batch=120))
    assert wrong > 0.6 * rows


def echoed(obs):
    """The right action of `Echo`, for certain."""
    return np.eye(3)[int(obs[0])], 1.0


def driven(obs):
    pedal, horn = right_drive(obs)
    return np.concatenate([np.eye(3)[pedal], np.eye(2)[horn]]), np.ones(2)


class WatchEcho(Watch):
    expected = staticmethod(echoed)


class WatchDrive(Watch):
    expected = staticmethod(driven)


@pytest.mark.parametrize("workers", [0, 2])
def test_advice_of_the_actor_is_aligned_whether_waited_for_or_late(build, workers):
    rows, wrong = misaligned(build, echo(workers=workers, envs=3, batch=120), WatchEcho)
    assert rows > 300
    assert wrong == 0


def test_advice_on_two_action_dimensions_is_aligned(build):
    made = drive(ScriptedTeacher(script), envs=3, batch=120)
    rows, wrong = misaligned(build, made, WatchDrive)
    assert rows > 300
    assert wrong == 0
    algorithm = build(made.training(learner_class=TeacherPPOTorchLearner, num_epochs=4, lr=0.01))
    results = [learned(algorithm.train()) for _ in range(8)]
    assert results[-1]["kl"] < 0.7 * results[0]["kl"]
