"""The teaching loss in off-policy algorithms: where their own ``train`` evaluates Q or actor.

Priors are stored with the transitions they belong to, so that a replayed observation brings its
advice along.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import torch as th

from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.coef import constant_coef
from gym_llmteacher.learning.joint import with_gradient
from gym_llmteacher.learning.losses import taught_rows, teaching_gradient
from gym_llmteacher.sb3.buffers import with_priors
from gym_llmteacher.sb3.hindsight import HindsightPriors, goal_priors
from gym_llmteacher.sb3.taught_algorithm import TaughtAlgorithm

if TYPE_CHECKING:  # the algorithm that stands behind the mixin
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

    class _Algorithm(TaughtAlgorithm, OffPolicyAlgorithm):
        q_net: Any
else:
    _Algorithm = TaughtAlgorithm


class TaughtOffPolicy(_Algorithm):
    """Put this before an SB3 algorithm with a replay buffer and Discrete actions.

    Of the algorithm's networks, one is taught: `_taught_network`, whose outputs `_log_probs` reads
    as a policy.
    """

    _buffer_name = "replay_buffer"
    _default_coef = staticmethod(constant_coef)

    @property
    def _taught_network(self) -> Any:
        raise NotImplementedError

    def _log_probs(self, outputs: th.Tensor) -> th.Tensor:
        """Log-probabilities ``(batch, n_actions)`` of what the network put out."""
        raise NotImplementedError

    def load_replay_buffer(self, *args: Any, **kwargs: Any) -> None:
        """Load a replay buffer; what was stored without a teacher is not taught."""
        super().load_replay_buffer(*args, **kwargs)
        self.replay_buffer = with_priors(self.replay_buffer)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Update on the joint loss, with the algorithm's own ``train``."""
        coef = self.current_coef
        self._prior_buffer.labelling = coef > 0
        if coef > 0:
            buffer = self._prior_buffer
            if isinstance(buffer, HindsightPriors) and self._vec_env.has_attr("situations"):
                buffer.relabel = partial(goal_priors, self._vec_env)
            self._fill_in_late_priors(timeout=0.0)
            with self._joint_loss(coef):
                super().train(gradient_steps, batch_size)
        else:
            super().train(gradient_steps, batch_size)
        shares = [rows.taught.item() / batch_size for (rows,) in self._teaching_log]
        self._after_update(coef, sum(shares) / len(shares) if shares else 0.0)

    @contextmanager
    def _joint_loss(self, coef: float) -> Iterator[None]:
        """While this is open, what the taught network puts out carries the teaching loss along."""
        network = self._taught_network
        forward = network.forward

        def taught_forward(*args: Any, **kwargs: Any) -> Any:
            values = forward(*args, **kwargs)
            if not values.requires_grad:  # of the next observations, in an algorithm of one's own
                return values
            batch = self._prior_buffer.batch_of(args[0] if args else kwargs.get("obs"))
            log_probs = self._log_probs(values)
            rows = taught_rows(log_probs, batch.prior, batch.weight)
            self._teaching_log.append([rows])
            gradient = teaching_gradient(rows, self._divergence, coef)
            return with_gradient(values, log_probs, gradient)

        network.forward = taught_forward
        try:
            yield
        finally:
            del network.forward


class TaughtQLearning(TaughtOffPolicy):
    """Put this before an SB3 algorithm that learns Q-values: the policy is ``softmax(Q / τ)``.

    :param args: the algorithm's own, by name, order and default
    :param teacher_temperature: see `TeacherDQN`
    :raises StudentError: a temperature that is not a finite number above 0
    """

    def __init__(self, *args: Any, teacher_temperature: float = 0.1, **kwargs: Any) -> None:
        number = isinstance(teacher_temperature, Real)
        if not number or not 0 < teacher_temperature < math.inf:
            raise StudentError(
                f"teacher_temperature is {teacher_temperature!r}, expected a number above 0: about "
                "as large as the difference in return that should matter, for example 0.1."
            )
        self.teacher_temperature = float(teacher_temperature)
        super().__init__(*args, **kwargs)

    @property
    def _taught_network(self) -> Any:
        return self.q_net

    def _log_probs(self, outputs: th.Tensor) -> th.Tensor:
        return (outputs / self.teacher_temperature).log_softmax(dim=1)
