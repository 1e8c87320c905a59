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
    """The loss of one minibatch and what to log of it, all detached but ``loss``.

    :param loss: scalar, differentiable
    :param kl: scalar, mean forward KL(prior || policy) over taught rows, in nats
    :param agreement: scalar, share of taught rows where both have the same argmax
    :param taught: scalar, number of rows with weight > 0
    """

    loss: Tensor
    kl: Tensor
    agreement: Tensor
    taught: Tensor


def renormalise(prior: Tensor, log_probs: Tensor) -> tuple[Tensor, Tensor]:
    """Take the prior's mass off actions the policy is forbidden to take.

    :param prior: float ``(batch, n_actions)``
    :param log_probs: float ``(batch, n_actions)``, normalised
    :return: prior over the allowed actions (rows sum to 1, or to 0 where nothing is left), and the
        mask of rows where something is left, bool ``(batch,)``
    """
    allowed = log_probs > _FORBIDDEN
    if bool(allowed.all()):
        return prior, th.ones(len(prior), dtype=th.bool, device=prior.device)
    kept = prior * allowed
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
    prior, possible = renormalise(prior, log_probs)
    weight = weight * possible
    # 0 · (-1e8) is fine, 0 · (-inf) is not: -inf comes from policies that mask with it.
    safe = log_probs.clamp_min(_FORBIDDEN * 4)
    cross_entropy = -(prior * safe).sum(dim=1)
    entropy = -th.special.xlogy(prior, prior).sum(dim=1)
    if divergence == "cross_entropy":
        distance = cross_entropy
    elif divergence == "forward_kl":
        distance = cross_entropy - entropy
    elif divergence == "reverse_kl":
        distance = (safe.exp() * (safe - prior.clamp_min(_TINY).log())).sum(dim=1)
    else:
        raise ValueError(f"divergence is {divergence!r}, expected one of {DIVERGENCES}.")
    taught = (weight > 0).sum()
    loss = (weight * distance).sum() / taught.clamp_min(1)
    with th.no_grad():
        mask = (weight > 0).to(prior.dtype)
        share = mask / taught.clamp_min(1)
        kl = ((cross_entropy - entropy) * share).sum()
        same = (log_probs.argmax(dim=1) == prior.argmax(dim=1)).to(prior.dtype)
        agreement = (same * share).sum()
    return TeachingLoss(loss, kl.detach(), agreement, taught)


def summed(parts: Sequence[TeachingLoss]) -> TeachingLoss:
    """The loss of several factors of an action, each taught by itself.

    Losses and KL add up, as the logarithms of the factors' probabilities do; agreement is the mean
    over what is taught.

    >>> one = TeachingLoss(th.tensor(1.0), th.tensor(2.0), th.tensor(0.5), th.tensor(4))
    >>> two = TeachingLoss(th.tensor(3.0), th.tensor(1.0), th.tensor(1.0), th.tensor(12))
    >>> [part.item() for part in vars(summed([one, two])).values()]
    [4.0, 3.0, 0.875, 16]
    """
    if len(parts) == 1:
        return parts[0]
    taught = th.stack([part.taught for part in parts])
    agreement = th.stack([part.agreement for part in parts])
    return TeachingLoss(
        th.stack([part.loss for part in parts]).sum(),
        th.stack([part.kl for part in parts]).sum(),
        (agreement * taught).sum() / taught.sum().clamp_min(1),
        taught.sum(),
    )


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
