"""Rows of each dimension of an action: Discrete has one, MultiDiscrete several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch as th
from torch import Tensor


def by_dim(
    log_probs: Sequence[Tensor], prior: Tensor, weight: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Log-probabilities ``(batch, n)``, prior ``(batch, n)`` and weight ``(batch,)`` per dimension.

    :param log_probs: one per action dimension
    :param prior: float ``(batch, sum of all n)``
    :param weight: float ``(batch,)``, or ``(batch, n_dims)``
    :raises ValueError: as many dimensions or actions are not there

    >>> pedal, horn = th.zeros(1, 3), th.zeros(1, 2)
    >>> prior, weight = th.tensor([[0.2, 0.3, 0.5, 1.0, 0.0]]), th.tensor([[1.0, 0.0]])
    >>> [w.item() for _, p, w in by_dim([pedal, horn], prior, weight)]
    [1.0, 0.0]
    """
    sizes = [part.shape[1] for part in log_probs]
    weights = weight.reshape(len(prior), -1)
    if prior.shape[1] != sum(sizes) or weights.shape[1] != len(sizes):
        raise ValueError(
            f"prior {tuple(prior.shape)} and weight {tuple(weight.shape)} do not fit dimensions of "
            f"{', '.join(map(str, sizes))} actions; expected (batch, {sum(sizes)}) and (batch, "
            f"{len(sizes)})."
        )
    return zip(log_probs, th.split(prior, sizes, dim=1), weights.unbind(1), strict=True)
