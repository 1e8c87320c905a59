"""Coefficient 0 is RLlib's PPO, bit for bit; above 0 the loss is PPO's plus the teacher's."""

import numpy as np
import pytest
import torch as th
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core.columns import Columns

from gym_llmteacher.rllib.connector import PRIOR, WEIGHT
from gym_llmteacher.rllib.learner import TeacherPPOTorchLearner
from tests.rllib.small import config, learned, weights


def same(one, two):
    return all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("runners", [0, 2])
def test_coefficient_0_is_ppo(build, runners):
    ends, metrics = [], {}
    for made in (config(runners, cls=PPOConfig), config(runners, coef=0.0)):
        algorithm = build(made)
        results = [algorithm.train() for _ in range(2)]
        ends.append(weights(algorithm))
        metrics[made.algo_class.__name__] = results[-1]["learners"]["default_policy"]
        algorithm.stop()  # two runners need both cores
    assert same(*ends)
    assert metrics["PPO"]["policy_loss"] == metrics["TeacherPPO"]["policy_loss"]
    assert metrics["TeacherPPO"]["teacher_coef"] == 0
    if runners == 0:
        algorithm = build(config(coef=0.1))
        for _ in range(2):
            algorithm.train()
        assert not same(ends[0], weights(algorithm))


@pytest.mark.parametrize("divergence", ["cross_entropy", "reverse_kl"])
def test_the_loss_is_ppos_and_the_teachers(build, divergence):
    seen = []

    class Watch(TeacherPPOTorchLearner):
        def compute_loss_for_module(self, *, batch, fwd_out, **kwargs):
            loss = super().compute_loss_for_module(batch=batch, fwd_out=fwd_out, **kwargs)
            alone = PPOTorchLearner.compute_loss_for_module(
                self, batch=batch, fwd_out=fwd_out, **kwargs
            )
            log_pi = fwd_out[Columns.ACTION_DIST_INPUTS].log_softmax(1)
            w = batch[WEIGHT] * batch[Columns.LOSS_MASK]
            if divergence == "cross_entropy":
                each = -(batch[PRIOR] * log_pi).sum(1)
            else:
                each = (log_pi.exp() * (log_pi - (batch[PRIOR] + 1e-8).log())).sum(1)
            expected = alone + 0.7 * (w * each).sum() / (w > 0).sum()
            seen.append((loss.item(), expected.item(), alone.item()))
            return loss

    made = config(coef=0.7, teacher_divergence=divergence, learner_class=Watch)
    figures = learned(build(made).train())
    got, expected, alone = np.array(seen).T
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    assert (np.abs(got - alone) > 0.05).all()
    assert figures["coef"] == 0.7
    assert 0.6 < figures["coverage"] < 1  # of 64 rows, those whose step is 4 are not taught
    assert th.isfinite(th.tensor([figures[name] for name in ("loss", "kl", "agreement")])).all()
