"""A map in the mirror: advice holds there as well, with left and right exchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TURN_LEFT, TURN_RIGHT = 0, 1
HEADINGS_MIRRORED = (0, 1, 4, 3, 2)
"""1 + heading (east, south, west, north) in the mirror: south and north change places."""


def mirror_map(
    observations: NDArray[np.uint8], priors: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Mirror the maps of the ``LLMTeacher/*`` envs from top to bottom, and the advice with them.

    For ``teacher_augment``: a teacher that is asked about one map has spoken of two.

    :param observations: uint8 ``(batch, width, height, channels)``, as `EgoMapFeatures` takes them
    :param priors: float32 ``(batch, n_actions)`` over MiniGrid's actions
    :raises ValueError: not such maps

    >>> maps = np.zeros((1, 2, 3, 4), np.uint8)
    >>> maps[0, 1, 0] = [5, 2, 0, 2]  # a key in the top row, and in its place an agent facing south
    >>> mirrored, prior = mirror_map(maps, np.array([[1, 0, 0, 0, 0, 0, 0]], np.float32))
    >>> mirrored[0, 1, 2].tolist(), prior.tolist()
    ([5, 2, 0, 4], [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    """
    if observations.ndim != 4 or priors.ndim != 2 or priors.shape[1] < 2:
        raise ValueError(
            f"observations {observations.shape} and priors {priors.shape}, expected maps (batch, "
            "width, height, channels) and priors (batch, n_actions) over MiniGrid's actions."
        )
    observations = observations[:, :, ::-1].copy()
    observations[..., -1] = np.asarray(HEADINGS_MIRRORED, observations.dtype)[observations[..., -1]]
    priors = priors.copy()
    priors[:, [TURN_LEFT, TURN_RIGHT]] = priors[:, [TURN_RIGHT, TURN_LEFT]]
    return observations, priors
