"""The teaching loss in on-policy algorithms: where their own ``train`` evaluates its actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th

from gym_llmteacher.learning.gates import checked_gates, gated_weight
from gym_llmteacher.learning.losses import (
    TaughtRows,
    taught_rows,
    teaching_gradient,
    with_gradient,
)
from gym_llmteacher.sb3.taught_algorithm import TaughtAlgorithm

if TYPE_CHECKING:  # the algorithm that stands behind the mixin
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    class _Algorithm(TaughtAlgorithm, OnPolicyAlgorithm): ...
else:
    _Algorithm = TaughtAlgorithm


class TaughtOnPolicy(_Algorithm):
    """Put this before an SB3 on-policy algorithm with a Discrete or MultiDiscrete action space.

    :param args: the algorithm's own, by name, order and default
    :param teacher_gates: see `TeacherPPO`
    :raises ScheduleError: an unknown gate
    """

    _buffer_name = "rollout_buffer"

    def __init__(self, *args: Any, teacher_gates: str | Sequence[str] = (), **kwargs: Any) -> None:
        self.teacher_gates = checked_gates(teacher_gates)
        super().__init__(*args, **kwargs)

    def train(self) -> None:
        """Update the policy on the joint loss, with the algorithm's own ``train``."""
        coef = self.current_coef
        if coef > 0:
            self._fill_in_late_priors()
        coverage = float(np.mean(self._prior_buffer.teacher_weights > 0))
        if coef > 0 and coverage > 0:
            with self._joint_loss(coef):
                super().train()
        else:
            super().train()
        self._after_update(coef, coverage)

    @contextmanager
    def _joint_loss(self, coef: float) -> Iterator[None]:
        """While this is open, ``policy.evaluate_actions`` carries the teaching loss along."""
        policy: Any = self.policy
        evaluate = policy.evaluate_actions

        def taught_evaluate(*args: Any, **kwargs: Any) -> Any:
            values, log_prob, entropy = evaluate(*args, **kwargs)
            # The distribution evaluate_actions has just built: no second forward pass.
            factors = log_probs_of(policy.action_dist)
            self._teaching_log.append(self._taught_rows(factors, log_prob))
            for log_probs, rows in zip(factors, self._teaching_log[-1], strict=True):
                gradient = teaching_gradient(rows, self.teacher_divergence, coef)
                log_prob = with_gradient(log_prob, log_probs, gradient)
            return values, log_prob, entropy

        policy.evaluate_actions = taught_evaluate
        try:
            yield
        finally:
            del policy.evaluate_actions

    def _taught_rows(self, log_probs: Sequence[th.Tensor], log_prob: th.Tensor) -> list[TaughtRows]:
        """What is taught in a minibatch, for each factor of the action; Discrete has one."""
        batch = self._prior_buffer.batch
        assert batch is not None
        samples = batch.samples
        parts = zip(
            by_factor(log_probs, batch.prior, batch.weight),
            samples.actions.reshape(len(batch.prior), -1).unbind(1),
            strict=True,
        )
        taught: list[TaughtRows] = []
        for (factor, prior, weight), actions in parts:
            if self.teacher_gates:
                weight = gated_weight(
                    self.teacher_gates,
                    weight,
                    prior,
                    actions,
                    samples.advantages,
                    log_prob,
                    samples.old_log_prob,
                )
            taught.append(taught_rows(factor, prior, weight))
        return taught


def by_factor(
    log_probs: Sequence[th.Tensor], prior: th.Tensor, weight: th.Tensor
) -> Iterator[tuple[th.Tensor, th.Tensor, th.Tensor]]:
    """Log-probabilities ``(batch, n)``, prior ``(batch, n)`` and weight ``(batch,)`` per factor.

    :param log_probs: one per factor of the action; Discrete has one
    :param prior: ``(batch, sum of all n)``
    :param weight: ``(batch,)``, or ``(batch, n_factors)``
    """
    priors = th.split(prior, [part.shape[1] for part in log_probs], dim=1)
    return zip(log_probs, priors, weight.reshape(len(prior), -1).unbind(1), strict=True)


def log_probs_of(action_dist: Any) -> list[th.Tensor]:
    """Log-probabilities ``(batch, n)`` of each factor of a policy's distribution."""
    # Named differently for masked policies of several factors.
    found = getattr(action_dist, "distributions", None) or action_dist.distribution
    return [part.logits for part in (found if isinstance(found, list) else [found])]
