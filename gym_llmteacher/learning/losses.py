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
from typing import Any

import torch as th
from torch import Tensor

DIVERGENCES = ("cross_entropy", "forward_kl", "reverse_kl")

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
        return self._mean(_distance(self.log_probs, self.prior, "forward_kl"))

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
    prior, possible = kept / mass.clamp_min(_TINY), mass.squeeze(1) > _TINY
    return TaughtRows(_finite(log_probs), prior, weight * possible)


def joined(rows: Sequence[TaughtRows]) -> TaughtRows:
    """Put the rows of several minibatches (at least one) together."""
    return TaughtRows(
        th.cat([item.log_probs for item in rows]),
        th.cat([item.prior for item in rows]),
        th.cat([item.weight for item in rows]),
    )


def figures(log: Sequence[Sequence[TaughtRows]], divergence: str) -> dict[str, float]:
    """What to log of an update: ``loss``, ``kl`` and ``agreement``; empty if nothing was taught.

    Losses and KL of several factors of an action add up, as the logarithms of their probabilities
    do; agreement is the mean over what was taught.

    :param log: per minibatch (at least one), the rows of each factor

    >>> rows = taught_rows(th.full((1, 2), 0.5).log(), th.tensor([[1.0, 0.0]]), th.ones(1))
    >>> {name: round(value, 4) for name, value in figures([[rows, rows]], "forward_kl").items()}
    {'loss': 1.3863, 'kl': 1.3863, 'agreement': 1.0}
    """
    factors = [joined(rows) for rows in zip(*log, strict=True)]
    taught = [rows.taught.item() for rows in factors]
    if not sum(taught):
        return {}
    losses = [teaching_loss(f.log_probs, f.prior, f.weight, divergence) for f in factors]
    same = [rows.agreement.item() * n for rows, n in zip(factors, taught, strict=True)]
    return {
        "loss": sum(loss.item() for loss in losses),
        "kl": sum(rows.kl.item() for rows in factors),
        "agreement": sum(same) / sum(taught),
    }


def teaching_loss(
    log_probs: Tensor, prior: Tensor, weight: Tensor, divergence: str = "cross_entropy"
) -> Tensor:
    """Divergence of the student's policy from the teacher's prior: a scalar, differentiable.

    :param log_probs: float ``(batch, n_actions)``, log of the student's action probabilities
    :param prior: float ``(batch, n_actions)``, rows sum to 1
    :param weight: float ``(batch,)``, in [0, 1]; 0 = not taught
    :param divergence: ``"cross_entropy"`` (the paper's; same gradient as forward KL),
        ``"forward_kl"`` or ``"reverse_kl"``
    :raises ValueError: unknown divergence, or shapes disagree

    Example::

        >>> uniform = th.full((1, 2), 0.5).log()
        >>> round(teaching_loss(uniform, th.tensor([[1.0, 0.0]]), th.ones(1)).item(), 4)
        0.6931
    """
    rows = taught_rows(log_probs, prior, weight)
    return (rows.share * _distance(_finite(log_probs), rows.prior, divergence)).sum()


def teaching_gradient(
    rows: TaughtRows, divergence: str = "cross_entropy", coef: float = 1.0
) -> Tensor:
    """Gradient of ``coef * teaching_loss(...)`` with respect to ``log_probs``.

    Autograd would take ten small operations for it; with the small networks and batches of PPO that
    is a tenth of an update.

    :return: float ``(batch, n_actions)``
    :raises ValueError: unknown divergence

    >>> rows = taught_rows(th.full((1, 2), 0.5).log(), th.tensor([[0.75, 0.25]]), th.ones(1))
    >>> teaching_gradient(rows).tolist()
    [[-0.75, -0.25]]
    """
    share = (coef * rows.share).unsqueeze(1)
    if divergence in ("cross_entropy", "forward_kl"):
        return rows.prior * -share
    _check(divergence)
    log_ratio = rows.log_probs - rows.prior.clamp_min(_TINY).log()
    return share * rows.log_probs.exp() * (log_ratio + 1)


def _distance(log_probs: Tensor, prior: Tensor, divergence: str) -> Tensor:
    """Divergence per row, float ``(batch,)``, of finite log-probabilities."""
    distance: Tensor
    if divergence == "cross_entropy":
        distance = -(prior * log_probs).sum(dim=1)
    elif divergence == "forward_kl":
        distance = (th.special.xlogy(prior, prior) - prior * log_probs).sum(dim=1)
    else:
        _check(divergence)
        log_ratio = log_probs - prior.clamp_min(_TINY).log()
        distance = (log_probs.exp() * log_ratio).sum(dim=1)
    return distance


def _check(divergence: str) -> None:
    if divergence not in DIVERGENCES:
        raise ValueError(f"divergence is {divergence!r}, expected one of {DIVERGENCES}.")


def _finite(log_probs: Tensor) -> Tensor:
    # 0 · (-1e8) is fine, 0 · (-inf) is not: -inf comes from policies that mask with it.
    return log_probs.clamp_min(_FORBIDDEN * 4)


class _WithGradient(th.autograd.Function):
    @staticmethod
    def forward(ctx: Any, output: Tensor, log_probs: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return output.view_as(output)  # a view, so that autograd records a new node

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        return gradient, ctx.gradient, None


def with_gradient(output: Tensor, log_probs: Tensor, gradient: Tensor) -> Tensor:
    """Return ``output`` unchanged; in backward, ``log_probs`` also receives ``gradient``.

    Whatever loss an algorithm makes of ``output``, its ``backward`` then also descends the loss
    that has this gradient: SB3's own ``PPO.train`` optimises the joint loss, gradient clipping
    included, and no line of it is copied. Weights come out bit-identical to a ``train`` with
    ``loss = loss + coef * teaching_loss(...)``.

    >>> x, y = th.tensor([2.0], requires_grad=True), th.tensor([3.0], requires_grad=True)
    >>> with_gradient(x, y, th.tensor([5.0])).sum().backward()
    >>> x.grad.item(), y.grad.item()
    (1.0, 5.0)
    """
    joint: Tensor = _WithGradient.apply(output, log_probs, gradient)  # type: ignore[no-untyped-call]
    return joint
