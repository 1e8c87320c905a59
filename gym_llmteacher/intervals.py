"""How sure a share is."""

from __future__ import annotations

import math


def wilson(wins: int, episodes: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927).

    >>> [round(bound, 2) for bound in wilson(10, 10)]
    [0.72, 1.0]
    """
    z = 1.959964
    share = wins / episodes
    centre = (share + z * z / (2 * episodes)) / (1 + z * z / episodes)
    half = z * math.sqrt(share * (1 - share) / episodes + z * z / (4 * episodes**2))
    half /= 1 + z * z / episodes
    return max(0.0, centre - half), min(1.0, centre + half)
