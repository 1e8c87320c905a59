"""The teaching loss in on-policy algorithms: where their own ``train`` evaluates its actions."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th
from numpy.typing import NDArray

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.learning.dims import by_dim
from gym_llmteacher.learning.gates import (
    Gate,
    GateInputs,
    GateSpec,
    as_gates,
    gate_specs,
)
from gym_llmteacher.learning.gating import gated_weight
from gym_llmteacher.learning.joint import with_gradient
from gym_llmteacher.learning.losses import TaughtRows, taught_rows, teaching_gradient
from gym_llmteacher.sb3.distributions import distribution_of, log_probs_of
from gym_llmteacher.sb3.prior_buffer import TaughtBatch
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
    :raises StudentError: an unknown gate
    """

    teacher_gates: tuple[GateSpec, ...]
    """Names wherever possible, so that a saved student needs no class of ours."""
    _buffer_name = "rollout_buffer"
    _default_episodes = 8
    _counts_played = True
    _gates: tuple[Gate, ...]

    def __init__(
        self, *args: Any, teacher_gates: GateSpec | Iterable[GateSpec] = (), **kwargs: Any
    ) -> None:
        self.teacher_gates = gate_specs(teacher_gates)
        super().__init__(*args, **kwargs)

    def _wants_record(self) -> bool:
        return any(gate.needs_record for gate in self._gates)

    def _setup_model(self) -> None:
        self._told_of_record = False
        super()._setup_model()
        self.teacher_gates = gate_specs(self.teacher_gates)
        self._gates = as_gates(self.teacher_gates)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_gates"]

    def train(self) -> None:
        """Update the policy on the joint loss, with the algorithm's own ``train``."""
        coef = self.current_coef
        if coef > 0:
            self._fill_in_late_priors()
        coverage = float(np.mean(self._prior_buffer.teacher_weights > 0))
        if coef > 0 and coverage > 0 and self._wants_record() and not self._told_of_record:
            self._told_of_record = True
            warn_without_record(self._prior_buffer.teacher_values)  # type: ignore[attr-defined]
        self._prior_buffer.labelling = coef > 0 and coverage > 0
        if self._prior_buffer.labelling:
            with self._joint_loss(coef):
                super().train()
        else:
            super().train()
        self._after_update(coef, coverage)

    @contextmanager
    def _joint_loss(self, coef: float) -> Iterator[None]:
        """While this is open, ``policy.evaluate_actions`` carries the teaching loss along."""
        policy: Any = self.policy
        evaluate, sizes = policy.evaluate_actions, action_sizes(self.action_space)

        def taught_evaluate(*args: Any, **kwargs: Any) -> Any:
            batch = self._prior_buffer.batch_of(args[0] if args else kwargs.get("obs"))
            with distribution_of(policy) as built:
                values, log_prob, entropy = evaluate(*args, **kwargs)
            # What evaluate_actions has just built: no second forward pass.
            distribution = (
                built[-1] if built else policy.get_distribution(batch.samples.observations)
            )
            dims = log_probs_of(distribution, sizes, log_prob)
            self._teaching_log.append(self._taught_rows(batch, dims, log_prob))
            for log_probs, rows in zip(dims, self._teaching_log[-1], strict=True):
                gradient = teaching_gradient(rows, self._divergence, coef)
                log_prob = with_gradient(log_prob, log_probs, gradient)
            return values, log_prob, entropy

        policy.evaluate_actions = taught_evaluate
        try:
            yield
        finally:
            del policy.evaluate_actions

    def _reward_unit(self) -> float:
        """What the env's own rewards were divided by."""
        normalize = self.get_vec_normalize_env()
        if normalize is None or not normalize.norm_reward:
            return 1.0
        return float(np.sqrt(normalize.ret_rms.var + normalize.epsilon))

    def _taught_rows(
        self, batch: TaughtBatch, dims: Sequence[th.Tensor], log_prob: th.Tensor
    ) -> list[TaughtRows]:
        """What is taught in a minibatch, for each dimension of the action."""
        samples = batch.samples
        actions = samples.actions.reshape(len(batch.prior), -1).unbind(1)
        taught: list[TaughtRows] = []
        records = batch.value.reshape(len(batch.prior), -1).unbind(1)
        for i, (log_probs, prior, weight) in enumerate(by_dim(dims, batch.prior, batch.weight)):
            if self._gates:
                rows = GateInputs(
                    log_probs=log_probs.detach(),
                    prior=prior,
                    weight=weight,
                    actions=actions[i].long(),
                    advantages=samples.advantages.flatten(),
                    log_prob=log_prob.detach(),
                    old_log_prob=samples.old_log_prob,
                    value=samples.old_values.flatten() * self._reward_unit(),
                    teacher_value=records[i],
                )
                weight = gated_weight(self._gates, rows)
            taught.append(taught_rows(log_probs, prior, weight))
        return taught


def warn_without_record(values: NDArray[Any]) -> None:
    """Warn that a gate has nothing to go by.

    :param values: of the teacher, NaN where it has no record
    """
    if np.isnan(values).all():
        warnings.warn(
            "teacher_gates has one that compares the teacher's record with the student's value, "
            "and no advice comes with a record: nothing is taught. Cure: "
            "RecordedTeacher(teacher, experience) or practise(...), or leave "
            "teacher_eval_episodes at its default in trainings of 10,000 steps or more.",
            stacklevel=3,
        )
