"""Memory with a limit: what came first is forgotten first."""

from __future__ import annotations

import contextlib
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

LIMIT = 50_000
"""Situations that a process remembers at a time; what is forgotten is looked up again."""


class Bounded(dict[K, V]):
    """A dict that forgets its oldest item when it is full; safe for several threads.

    >>> memory = Bounded(2)
    >>> for letter in "abcab":
    ...     memory[letter] = True
    >>> list(memory)
    ['a', 'b']
    """

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > self.limit:
            # Another thread may do the same at this moment.
            with contextlib.suppress(RuntimeError, StopIteration):
                self.pop(next(iter(self)), None)

    def __reduce__(self) -> tuple[type[Bounded[K, V]], tuple[int], None, None, object]:
        return Bounded, (self.limit,), None, None, iter(list(self.items()))
