"""When to try a question again that failed."""

from __future__ import annotations

_FIRST = 32


class Pause:
    """After the k-th failure of a question, 32 * 4^(k-1) further requests for it are not made.

    Counted in requests, not in seconds: what a teacher does then depends on nothing but the run.

    >>> pause = Pause()
    >>> pause.fail(); [pause.over() for _ in range(33)].index(True)
    32
    """

    def __init__(self) -> None:
        self.failures = 0
        self.left = 0

    def fail(self) -> None:
        """Note a failure."""
        self.left = _FIRST * 4**self.failures
        self.failures = min(self.failures + 1, 10)

    def over(self) -> bool:
        """Whether to ask now; to be called at every request."""
        self.left -= 1
        return self.left < 0
