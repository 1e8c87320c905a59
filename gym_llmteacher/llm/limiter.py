"""Manners towards a server: so many requests at once and per minute, none while it is down."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.errors import CallFailedError, TeacherSpecError
from gym_llmteacher.llm.locked import Locked

_MINUTE = 60.0


class Limiter(Locked):
    """Limits on concurrency, on requests per minute and on tokens per minute; waits its turn.

    :param concurrency: requests at once (``None``: no limit; so for the others)
    :param rpm: requests in any 60 seconds
    :param tpm: tokens, as estimated before a request, in any 60 seconds
    :raises TeacherSpecError: a limit below 1

    >>> limiter = Limiter(concurrency=1, rpm=600)
    >>> with limiter.turn(tokens=100):
    ...     pass
    """

    def __init__(
        self,
        concurrency: int | None = None,
        rpm: float | None = None,
        tpm: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        for name, value in (("concurrency", concurrency), ("rpm", rpm), ("tpm", tpm)):
            if value is not None and not value >= 1:
                raise TeacherSpecError(
                    f"{name} is {value!r}, expected 1 or more, or None for no limit."
                )
        self.concurrency, self.rpm, self.tpm = concurrency, rpm, tpm
        self._clock, self._sleep = clock, sleep
        self._recent: deque[tuple[float, int]] = deque()
        self._slots = self._all_slots()

    def _all_slots(self) -> threading.Semaphore:
        return threading.Semaphore(self.concurrency or 1_000_000)

    @contextmanager
    def turn(self, tokens: int = 0, ends: float = math.inf) -> Iterator[None]:
        """Wait until a request of so many tokens may be sent; hold a slot while it is.

        :param ends: when to give up, by the monotonic clock
        :raises CallFailedError: its turn does not come by then
        """
        slots = self._slots
        left = max(0.0, ends - self._clock())
        if not slots.acquire(timeout=None if math.isinf(left) else left):
            raise _too_late(f"{self.concurrency} at once")
        try:
            while (seconds := self._reserve(tokens)) > 0:
                if self._clock() + seconds > ends:
                    raise _too_late("so many requests or tokens a minute")
                self._sleep(seconds)
            yield
        finally:
            slots.release()

    def _reserve(self, tokens: int) -> float:
        """Take a place in the last minute, or say how long to wait before asking again."""
        if self.rpm is None and self.tpm is None:
            return 0.0
        with self._lock:
            now = self._clock()
            while self._recent and self._recent[0][0] <= now - _MINUTE:
                self._recent.popleft()
            used = sum(spent for _, spent in self._recent)
            full = self.rpm is not None and len(self._recent) + 1 > self.rpm
            # A request that is larger than the limit itself goes when nothing else does.
            full = full or (
                self.tpm is not None and bool(self._recent) and used + tokens > self.tpm
            )
            if full:
                return max(0.01, self._recent[0][0] + _MINUTE - now)
            self._recent.append((now, tokens))
            return 0.0

    def after_fork(self) -> None:
        """In a child: the requests under way are the parent's."""
        super().after_fork()
        self._slots = self._all_slots()

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        del state["_slots"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._slots = self._all_slots()


def _too_late(limit: str) -> CallFailedError:
    return CallFailedError(
        f"the request had to wait for its turn ({limit}) for longer than it may take.",
        Abstention.TIMEOUT,
    )


class Breaker(Locked):
    """Stop asking a server that does not answer; after a pause, try with one request.

    :param failures: failures in a row that open the breaker
    :param pause: seconds without requests

    >>> breaker = Breaker(failures=2, pause=60.0)
    >>> breaker.failed(); breaker.failed(); breaker.allows()
    False
    """

    def __init__(
        self, failures: int = 8, pause: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.failures, self.pause, self.clock = failures, pause, clock
        self._in_a_row = 0
        self._open_until = 0.0

    def allows(self) -> bool:
        """Whether a request may be made now. After a pause one may, and decides about the rest."""
        with self._lock:
            if self._in_a_row < self.failures:
                return True
            if self.clock() < self._open_until:
                return False
            self._open_until = self.clock() + self.pause
            return True

    def failed(self) -> None:
        """Note that a request got no answer."""
        with self._lock:
            self._in_a_row += 1
            if self._in_a_row >= self.failures:
                self._open_until = self.clock() + self.pause

    def worked(self) -> None:
        """Note that a request was answered."""
        with self._lock:
            self._in_a_row = 0
