"""Dimensions of an action: one for Discrete, several for MultiDiscrete."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from gymnasium import spaces
from numpy.typing import NDArray


def action_sizes(space: spaces.Space[Any]) -> tuple[int, ...]:
    """Number of actions of each dimension; none where the space is neither of the two.

    >>> action_sizes(spaces.Discrete(4)), action_sizes(spaces.MultiDiscrete([3, 2]))
    ((4,), (3, 2))
    >>> action_sizes(spaces.Box(0, 1, (2,)))
    ()
    """
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        return tuple(int(n) for n in space.nvec)
    return ()


def split_dims(rows: NDArray[Any], sizes: tuple[int, ...]) -> list[NDArray[Any]]:
    """Cut the last axis into action dimensions.

    :param rows: ``(..., sum(sizes))``
    :return: one view ``(..., n)`` per dimension

    >>> import numpy as np
    >>> [part.tolist() for part in split_dims(np.array([1, 2, 3, 4, 5]), (3, 2))]
    [[1, 2, 3], [4, 5]]
    """
    ends = list(accumulate(sizes))
    # Slices: np.split is slow, and this is done at every env step.
    return [rows[..., end - size : end] for end, size in zip(ends, sizes, strict=True)]
