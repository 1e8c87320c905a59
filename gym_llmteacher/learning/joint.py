"""A loss that rides along with an engine's own."""

from __future__ import annotations

from typing import Any

import torch as th
from torch import Tensor


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

    :param output: float, any shape
    :param log_probs: float ``(batch, n_actions)``
    :param gradient: float ``(batch, n_actions)``, as `teaching_gradient` gives it

    >>> x, y = th.tensor([2.0], requires_grad=True), th.tensor([3.0], requires_grad=True)
    >>> with_gradient(x, y, th.tensor([5.0])).sum().backward()
    >>> x.grad.item(), y.grad.item()
    (1.0, 5.0)
    """
    joint: Tensor = _WithGradient.apply(output, log_probs, gradient)  # type: ignore[no-untyped-call]
    return joint
