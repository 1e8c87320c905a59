"""The teaching loss, as pure functions of tensors.

LLM4Teach (arXiv 2311.13373) adds ``λ(t) · H(π_T, π_θ)`` to PPO's loss. Here, for a minibatch with
priors ``p`` and weights ``w``::

    loss = Σ_i w_i · D(p_i, π_i) / max(1, #{i : w_i > 0})

Training needs its gradient once per minibatch and its value once per update, so both are here:
`teaching_loss` is the formula, `teaching_gradient` its derivative, worked out by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch as th
from torch import Tensor

from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.divergences import (
    Divergence,
    DivergenceSpec,
    ForwardKL,
    as_divergence,
)

# Masked policies (sb3-contrib) set the logits of forbidden actions to -1e8; no trained policy gets
# anywhere near half of that.
_FORBIDDEN = -5e7
_TINY = 1e-8


@dataclass(frozen=True)
class TaughtRows:
    """What the loss of some rows is made of, and what to log of them.

    :param log_probs: float ``(batch, n_actions)``, detached and finite
    :param prior: float ``(batch, n_actions)``, over the actions the policy may take
    :param weight: float ``(batch,)``, 0 where nothing is taught
    """

    log_probs: Tensor
    prior: Tensor
    weight: Tensor

    @property
    def taught(self) -> Tensor:
        """Scalar, number of rows with weight > 0."""
        return th.count_nonzero(self.weight)

    @property
    def share(self) -> Tensor:
        """Float ``(batch,)``, the factor of each row's divergence in the loss."""
        return self.weight / self.taught.clamp_min(1)

    @property
    def kl(self) -> Tensor:
        """Scalar, mean forward KL(prior || policy) over taught rows, in nats."""
        return self._mean(ForwardKL().value(self.log_probs, self.prior))

    @property
    def agreement(self) -> Tensor:
        """Scalar, share of taught rows where both have the same argmax."""
        return self._mean(self.log_probs.argmax(dim=1) == self.prior.argmax(dim=1))

    def _mean(self, values: Tensor) -> Tensor:
        return (values * (self.weight > 0)).sum() / self.taught.clamp_min(1)


def taught_rows(log_probs: Tensor, prior: Tensor, weight: Tensor) -> TaughtRows:
    """Take the prior's mass off actions the policy is forbidden to take.

    Rows in which nothing is left of it get weight 0.

    :param log_probs: float ``(batch, n_actions)``, log of the student's action probabilities
    :param prior: float ``(batch, n_actions)``, rows sum to 1
    :param weight: float ``(batch,)``, in [0, 1]; 0 = not taught
    :raises ValueError: shapes disagree
    """
    if log_probs.shape != prior.shape or weight.shape != prior.shape[:1]:
        raise ValueError(
            f"log_probs {tuple(log_probs.shape)}, prior {tuple(prior.shape)} and weight "
            f"{tuple(weight.shape)} disagree; expected (batch, n), (batch, n) and (batch,)."
        )
    log_probs = log_probs.detach()
    if bool(log_probs.min() > _FORBIDDEN):
        return TaughtRows(log_probs, prior, weight)
    kept = prior * (log_probs > _FORBIDDEN)
    mass = kept.sum(dim=1, keepdim=True)
    possible = mass > _TINY
    # Untaught rows are distributions too: divergences may take their logarithm.
    prior = th.where(possible, kept / mass.clamp_min(_TINY), 1.0 / prior.shape[1])
    return TaughtRows(_finite(log_probs), prior, weight * possible.squeeze(1))


def joined(rows: Sequence[TaughtRows]) -> TaughtRows:
    """Put the rows of several minibatches (at least one) together."""
    return TaughtRows(
        th.cat([item.log_probs for item in rows]),
        th.cat([item.prior for item in rows]),
        th.cat([item.weight for item in rows]),
    )


def figures(log: Sequence[Sequence[TaughtRows]], divergence: DivergenceSpec) -> dict[str, float]:
    """What to log of an update: ``loss``, ``kl`` and ``agreement``; empty if nothing was taught.

    Losses and KL of several action dimensions add up, as the logarithms of their probabilities do;
    agreement is the mean over what was taught.

    :param log: per minibatch (at least one), the rows of each action dimension
    :param divergence: name or object, see `gym_llmteacher.learning.divergences`
    :raises StudentError: an unknown divergence, or one that gives other shapes

    >>> rows = taught_rows(th.full((1, 2), 0.5).log(), th.tensor([[1.0, 0.0]]), th.ones(1))
    >>> {name: round(value, 4) for name, value in figures([[rows, rows]], "forward_kl").items()}
    {'loss': 1.3863, 'kl': 1.3863, 'agreement': 1.0}
    """
    dims = [joined(rows) for rows in zip(*log, strict=True)]
    taught = [rows.taught.item() for rows in dims]
    if not sum(taught):
        return {}
    losses = [teaching_loss(rows.log_probs, rows.prior, rows.weight, divergence) for rows in dims]
    same = [rows.agreement.item() * n for rows, n in zip(dims, taught, strict=True)]
    return {
        "loss": sum(loss.item() for loss in losses),
        "kl": sum(rows.kl.item() for rows in dims),
        "agreement": sum(same) / sum(taught),
    }


def teaching_loss(
    log_probs: Tensor,
    prior: Tensor,
    weight: Tensor,
    divergence: DivergenceSpec = "cross_entropy",
) -> Tensor:
    """Divergence of the student's policy from the teacher's prior: a scalar, differentiable.

    :param log_probs: float ``(batch, n_actions)``, log of the student's action probabilities
    :param prior: float ``(batch, n_actions)``, rows sum to 1
    :param weight: float ``(batch,)``, in [0, 1]; 0 = not taught
    :param divergence: ``"cross_entropy"`` (the paper's; same gradient as forward KL),
        ``"forward_kl"``, ``"reverse_kl"``, or a `Divergence`
    :raises ValueError: shapes disagree
    :raises StudentError: an unknown divergence, or one that gives another shape than ``(batch,)``

    Example::

        >>> uniform = th.full((1, 2), 0.5).log()
        >>> round(teaching_loss(uniform, th.tensor([[1.0, 0.0]]), th.ones(1)).item(), 4)
        0.6931
    """
    rows = taught_rows(log_probs, prior, weight)
    value = as_divergence(divergence).value(_finite(log_probs), rows.prior)
    if value.shape != weight.shape:
        raise _misshapen(as_divergence(divergence), "value", value, weight)
    return (rows.share * value).sum()


def teaching_gradient(
    rows: TaughtRows, divergence: DivergenceSpec = "cross_entropy", coef: float = 1.0
) -> Tensor:
    """Gradient of ``coef * teaching_loss(...)`` with respect to ``log_probs``.

    Autograd would take ten small operations for it; with the small networks and batches of PPO that
    is a tenth of an update.

    :param divergence: name or object, see `gym_llmteacher.learning.divergences`
    :return: float ``(batch, n_actions)``
    :raises StudentError: an unknown divergence, or one that gives another shape

    >>> rows = taught_rows(th.full((1, 2), 0.5).log(), th.tensor([[0.75, 0.25]]), th.ones(1))
    >>> teaching_gradient(rows).tolist()
    [[-0.75, -0.25]]
    """
    divergence = as_divergence(divergence)
    gradient = divergence.gradient(rows.log_probs, rows.prior, coef * rows.share)
    if gradient.shape != rows.prior.shape:
        raise _misshapen(divergence, "gradient", gradient, rows.prior)
    return gradient


def _misshapen(divergence: Divergence, method: str, got: Tensor, like: Tensor) -> StudentError:
    return StudentError(
        f"{type(divergence).__name__}.{method} returned a tensor of shape {tuple(got.shape)}, "
        f"expected {tuple(like.shape)}: the value is one number per row, the gradient one per "
        "action."
    )


def _finite(log_probs: Tensor) -> Tensor:
    # 0 · (-1e8) is fine, 0 · (-inf) is not: -inf comes from policies that mask with it.
    return log_probs.clamp_min(_FORBIDDEN * 4)
