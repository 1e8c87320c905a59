"""The teaching loss, as pure functions of tensors.

LLM4Teach (arXiv 2311.13373) adds ``λ(t) · H(π_T, π_θ)`` to PPO's loss. Here, for a minibatch with
priors ``p`` and weights ``w``::

    loss = Σ_i w_i · D(p_i, π_i) / max(1, #{i : w_i > 0})
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch as th
from torch import Tensor

DIVERGENCES = ("cross_entropy", "forward_kl", "reverse_kl")

# Masked policies (sb3-contrib) set the logits of forbidden actions to -1e8; no trained policy gets
# anywhere near half of that.
_FORBIDDEN = -5e7
_TINY = 1e-8


@dataclass(frozen=True)
class TeachingLoss:
    """The loss of some rows, and what to log of it.

    ``kl`` and ``agreement`` are computed when they are read: once per update, not per minibatch.

    :param loss: scalar, differentiable
    :param log_probs: float ``(batch, n_actions)``, detached
    :param prior: float ``(batch, n_actions)``, over the actions the policy may take
    :param weight: float ``(batch,)``, 0 where nothing is taught
    """

    loss: Tensor
    log_probs: Tensor
    prior: Tensor
    weight: Tensor

    @property
    def taught(self) -> Tensor:
        """Scalar, number of rows with weight > 0."""
        return th.count_nonzero(self.weight)

    @property
    def kl(self) -> Tensor:
        """Scalar, mean forward KL(prior || policy) over taught rows, in nats."""
        return self._mean(_forward_kl(self.log_probs, self.prior))

    @property
    def agreement(self) -> Tensor:
        """Scalar, share of taught rows where both have the same argmax."""
        return self._mean(self.log_probs.argmax(dim=1) == self.prior.argmax(dim=1))

    def _mean(self, values: Tensor) -> Tensor:
        taught = self.weight > 0
        return (values * taught).sum() / taught.sum().clamp_min(1)


def joined(losses: Sequence[TeachingLoss]) -> TeachingLoss:
    """All rows of several minibatches; ``loss`` is the mean of theirs, detached.

    :param losses: at least one
    """
    return TeachingLoss(
        th.stack([item.loss.detach() for item in losses]).mean(),
        th.cat([item.log_probs for item in losses]),
        th.cat([item.prior for item in losses]),
        th.cat([item.weight for item in losses]),
    )


def renormalise(prior: Tensor, log_probs: Tensor) -> tuple[Tensor, Tensor | None]:
    """Take the prior's mass off actions the policy is forbidden to take.

    :param prior: float ``(batch, n_actions)``
    :param log_probs: float ``(batch, n_actions)``, normalised
    :return: prior over the allowed actions (rows sum to 1, or to 0 where nothing is left), and the
        mask of rows where something is left, bool ``(batch,)``; ``None``: nothing is forbidden
    """
    if bool(log_probs.min() > _FORBIDDEN):
        return prior, None
    kept = prior * (log_probs > _FORBIDDEN)
    mass = kept.sum(dim=1, keepdim=True)
    return kept / mass.clamp_min(_TINY), mass.squeeze(1) > _TINY


def teaching_loss(
    log_probs: Tensor, prior: Tensor, weight: Tensor, divergence: str = "cross_entropy"
) -> TeachingLoss:
    """Divergence of the student's policy from the teacher's prior.

    :param log_probs: float ``(batch, n_actions)``, log of the student's action probabilities
    :param prior: float ``(batch, n_actions)``, rows sum to 1
    :param weight: float ``(batch,)``, in [0, 1]; 0 = not taught
    :param divergence: ``"cross_entropy"`` (the paper's; same gradient as forward KL),
        ``"forward_kl"`` or ``"reverse_kl"``
    :raises ValueError: unknown divergence

    Example::

        >>> uniform = th.full((1, 2), 0.5).log()
        >>> round(teaching_loss(uniform, th.tensor([[1.0, 0.0]]), th.ones(1)).loss.item(), 4)
        0.6931
    """
    if log_probs.shape != prior.shape or weight.shape != prior.shape[:1]:
        raise ValueError(
            f"log_probs {tuple(log_probs.shape)}, prior {tuple(prior.shape)} and weight "
            f"{tuple(weight.shape)} disagree; expected (batch, n), (batch, n) and (batch,)."
        )
    detached = log_probs.detach()
    prior, possible = renormalise(prior, detached)
    if possible is not None:
        weight = weight * possible
        # 0 · (-1e8) is fine, 0 · (-inf) is not: -inf comes from policies that mask with it.
        log_probs = log_probs.clamp_min(_FORBIDDEN * 4)
    share = weight / th.count_nonzero(weight).clamp_min(1)
    if divergence == "cross_entropy":
        # One product of all factors that need no gradient: this runs once per minibatch.
        loss = (prior * -share.unsqueeze(1) * log_probs).sum()
    elif divergence == "forward_kl":
        loss = (share * _forward_kl(log_probs, prior)).sum()
    elif divergence == "reverse_kl":
        distance = (log_probs.exp() * (log_probs - prior.clamp_min(_TINY).log())).sum(dim=1)
        loss = (share * distance).sum()
    else:
        raise ValueError(f"divergence is {divergence!r}, expected one of {DIVERGENCES}.")
    return TeachingLoss(loss, detached, prior, weight)


def _forward_kl(log_probs: Tensor, prior: Tensor) -> Tensor:
    """KL(prior || policy) per row; nothing where the prior is 0, whatever the policy says."""
    finite = log_probs.clamp_min(_FORBIDDEN * 4)
    kl: Tensor = (th.special.xlogy(prior, prior) - prior * finite).sum(dim=1)
    return kl


class AddToLoss(th.autograd.Function):
    """Return ``log_prob`` unchanged; in backward, give ``extra`` a gradient of 1.

    Whatever loss an algorithm makes of ``log_prob``, its ``backward`` then also descends ``extra``:
    SB3's own ``PPO.train`` optimises the joint loss, gradient clipping included, and no line of it
    is copied. Weights come out bit-identical to a ``train`` with ``loss = loss + extra``.
    """

    @staticmethod
    def forward(ctx: th.autograd.function.FunctionCtx, log_prob: Tensor, extra: Tensor) -> Tensor:
        """Pass ``log_prob`` through (a view, so that autograd records a new node)."""
        return log_prob.view_as(log_prob)

    @staticmethod
    def backward(ctx: th.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Hand the gradient on, and 1 to the extra loss."""
        return gradient, gradient.new_ones(())


def add_to_loss(log_prob: Tensor, extra: Tensor) -> Tensor:
    """Attach the scalar ``extra`` to whatever loss is made of ``log_prob``.

    >>> x, y = th.tensor([2.0], requires_grad=True), th.tensor(3.0, requires_grad=True)
    >>> add_to_loss(x, 5 * y).sum().backward()
    >>> x.grad.item(), y.grad.item()
    (1.0, 5.0)
    """
    joined: Tensor = AddToLoss.apply(log_prob, extra)  # type: ignore[no-untyped-call]
    return joined
