"""What was tried in vain where the robot stands."""

from __future__ import annotations

from typing import Any

import numpy as np

_MOVED = 1e-3  # metres, and radians


class Fruitless:
    """Actions that changed neither where the robot is nor what it holds.

    They are not advised again in the same place: a pick that is out of reach and a navigation that
    says it has arrived would take turns for ever, and a robot that is stuck at a corner would go on
    driving.

    >>> tried = Fruitless()
    >>> here = ((1.0, 0.0, 2.0), 0.5, None)
    >>> tried.note(3, here, here)
    >>> 3 in tried.at(here), 4 in tried.at(here), 3 in tried.at(((1.5, 0.0, 2.0), 0.5, None))
    (True, False, False)
    """

    def __init__(self) -> None:
        self._place: Any = None
        self._actions: set[int] = set()

    def note(self, action: int, before: Any, after: Any) -> None:
        """Take note of what an action led to; places are ``((x, y, z), yaw, held)``."""
        if not _same(before, after):
            self._place, self._actions = None, set()
            return
        if not _same(self._place, after):
            self._actions = set()
        self._place = after
        self._actions.add(action)

    def at(self, place: Any) -> set[int]:
        """Actions that changed nothing here."""
        return self._actions if _same(self._place, place) else set()


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return False
    (p, yaw, held), (q, other, holds) = a, b
    gaps = np.abs(np.subtract([*p, yaw], [*q, other]))
    return bool(held == holds and (gaps < _MOVED).all())
