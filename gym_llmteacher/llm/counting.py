"""Running totals of one object in one process."""

from __future__ import annotations

from typing import Any

from gym_llmteacher.llm.locked import Locked


class Counting(Locked):
    """Adds up amounts by name, for several threads at once.

    A copy, and the object in another process, starts at 0: a sum over all of them counts nothing
    twice.

    :param names: totals that are reported from the start, as 0

    >>> counting = Counting("calls")
    >>> counting.count(tokens=3.0)
    >>> counting.totals()
    {'calls': 0.0, 'tokens': 3.0}
    """

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._totals = dict.fromkeys(names, 0.0)

    def count(self, **amounts: float) -> None:
        """Add amounts."""
        with self._lock:
            for name, amount in amounts.items():
                self._totals[name] = self._totals.get(name, 0.0) + amount

    def totals(self) -> dict[str, float]:
        """What was added so far, by name."""
        with self._lock:
            return dict(self._totals)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._totals = dict.fromkeys(self._totals, 0.0)
