"""The teaching loss in on-policy algorithms: where their own ``train`` evaluates its actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th

from gym_llmteacher.sb3.gates import checked_gates, gated_weight
from gym_llmteacher.sb3.losses import taught_rows, teaching_gradient, with_gradient
from gym_llmteacher.sb3.mixin import TeacherMixin

if TYPE_CHECKING:  # the algorithm that stands behind the mixin
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    class _Algorithm(TeacherMixin, OnPolicyAlgorithm): ...
else:
    _Algorithm = TeacherMixin


class OnPolicyTeacher(_Algorithm):
    """Put this before an SB3 on-policy algorithm with a Discrete action space.

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
            log_probs = policy.action_dist.distribution.logits
            gradient = self._teaching_gradient(log_probs, log_prob, coef)
            return values, with_gradient(log_prob, log_probs, gradient), entropy

        policy.evaluate_actions = taught_evaluate
        try:
            yield
        finally:
            del policy.evaluate_actions

    def _teaching_gradient(
        self, log_probs: th.Tensor, log_prob: th.Tensor, coef: float
    ) -> th.Tensor:
        batch = self._prior_buffer.batch
        assert batch is not None
        weight = batch.weight
        if self.teacher_gates:
            samples = batch.samples
            weight = gated_weight(
                self.teacher_gates,
                weight,
                batch.prior,
                samples.actions,
                samples.advantages,
                log_prob,
                samples.old_log_prob,
            )
        rows = taught_rows(log_probs, batch.prior, weight)
        self._teaching_log.append(rows)
        return teaching_gradient(rows, self.teacher_divergence, coef)
