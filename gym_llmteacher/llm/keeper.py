"""What one process has with a store: it goes on where the store fails, and puts it right later."""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.llm.owner import may_live, new_owner
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.redact import redact
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.sqlite import BusyError
from gym_llmteacher.llm.store import Hold, Spend, Store
from gym_llmteacher.shown import shown

logger = logging.getLogger(__name__)
T = TypeVar("T")

SECONDS = 20.0
"""A process that gives no sign of life for so long holds nothing any more."""
_RETRY = 1.0  # seconds between two attempts to write what is owed
_SLOW = 0.5  # a store that fails only after so long ...
_AWAY = 5.0  # ... is not asked for so long: each question would wait for it again
_MOST_UNWRITTEN = 100_000
_all: weakref.WeakSet[Keeper] = weakref.WeakSet()


class Keeper(Locked):
    """Reads and writes answers, holds leases, sets money aside, for one process.

    Whatever goes wrong with the store is logged once. An answer that cannot be written is kept in
    memory, used from there, and written when the store is back. Leases and money are held under a
    name that one thread keeps alive; when the process ends in whatever way, they end with it.

    :param store: where answers are kept
    :param seconds: how long what is held outlives the last sign of life

    Example::

        >>> from gym_llmteacher.llm.answers import Answers
        >>> one, other = (Keeper(store) for store in [Answers(":memory:")] * 2)
        >>> one.lease("question"), other.lease("question")
        (True, False)
        >>> one.release("question"); other.lease("question")
        True
    """

    def __init__(self, store: Store, seconds: float = SECONDS) -> None:
        super().__init__()
        self.store, self.seconds = store, seconds
        self._start()
        _all.add(self)

    def _start(self) -> None:
        self._hold = Hold(new_owner(), self.seconds, may_live)
        self._held = 0
        self._unwritten: dict[str, Record] = {}
        self._owed: dict[str, Spend] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._told = False
        self._away_until = 0.0

    def get(self, key: str) -> Reply | None:
        """What was answered to this question, as far as that can be looked up."""
        record = self._unwritten.get(key)
        if record is not None:
            return Reply.from_dict(record.reply)
        try:
            return self._asked(lambda: self.store.get(key))
        except Exception as error:
            self._tell(error)
            return None

    def add(self, record: Record) -> Reply:
        """Keep an answer, in the store or else in memory; return the one that counts."""
        try:
            return self._asked(lambda: self.store.add(record))
        except Exception as error:  # it is paid for: nothing may lose it
            self._tell(error)
            with self._lock:
                self._unwritten[record.key] = record
                if len(self._unwritten) > _MOST_UNWRITTEN:
                    del self._unwritten[next(iter(self._unwritten))]
            self._look_after()
            return Reply.from_dict(record.reply)

    def recall(self, name: str) -> str | None:
        """What the store remembers under this name, as far as that can be looked up."""
        try:
            return self._asked(lambda: self.store.recall(name))
        except Exception as error:
            self._tell(error)
            return None

    def remember(self, name: str, value: str) -> None:
        """Have the store remember a short text, if it can."""
        try:
            self._asked(lambda: self.store.remember(name, value))
        except Exception as error:
            self._tell(error)

    def lease(self, key: str) -> bool:
        """Lease a question; a store that cannot be asked keeps nobody from asking the model."""
        try:
            taken = self._asked(lambda: self.store.lease(key, self._hold))
        except Exception as error:
            self._tell(error)
            taken = True
        if taken:
            self._holds(1)
        return taken

    def release(self, key: str) -> None:
        """Give up a lease."""
        self._holds(-1)
        with contextlib.suppress(Exception):  # then it ends with this process
            self._asked(lambda: self.store.release(key, self._hold))

    def reserve(
        self, amount: Spend, limits: tuple[float, float, float], seconds: float
    ) -> str | None:
        """Set money aside in the store.

        :param limits: of calls, tokens and US dollars; ``inf`` for none
        :return: a name for it; ``None``: that would pass a limit
        :raises AnswersFileError: there are limits, and the store cannot be asked
        """
        try:
            name = self._asked(lambda: self.store.reserve(amount, limits, self._hold, seconds))
        except Exception as error:
            self._tell(error)
            if min(limits) < math.inf:
                raise
            name = ""
        if name is not None:
            self._holds(1)
        return name

    def settle(self, name: str, cost: Spend) -> None:
        """Enter what it did cost, and give back what was set aside."""
        self._holds(-1)
        try:
            self._asked(lambda: self.store.settle(name or None, cost))
        except Exception as error:
            self._tell(error)
            with self._lock:
                self._owed[name] = self._owed.get(name, Spend()) + cost
            self._look_after()

    def _asked(self, work: Callable[[], T]) -> T:
        """Call the store, unless it has just kept somebody waiting for nothing."""
        started = time.monotonic()
        if started < self._away_until:
            raise AnswersFileError(f"{self.store.path} did not answer; it is left alone for now")
        try:
            return work()
        except BusyError:  # somebody writes: reading goes on
            raise
        except Exception:
            if time.monotonic() - started > _SLOW:
                self._away_until = time.monotonic() + _AWAY
            raise

    def _holds(self, more: int) -> None:
        with self._lock:
            self._held += more
        if more > 0:
            self._look_after()

    def _look_after(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="answers")
                self._thread.start()
            elif self._unwritten or self._owed:
                self._wake.set()

    def _work(self) -> None:
        """Renew what is held, and write what is owed, until there is neither."""
        period, idle = self.seconds / 4, False
        renewed = time.monotonic()
        while True:
            if self._wake.wait(min(period, _RETRY)):
                self._wake.clear()
                time.sleep(min(period, _RETRY))
            owes = bool(self._unwritten or self._owed)
            with self._lock:
                busy = owes or self._held > 0
                if not busy and idle:  # twice: questions often follow each other
                    self._thread = None
                    return
                idle = not busy
            if owes and not self.flush():
                self._wake.set()
            if busy and time.monotonic() - renewed >= 0.9 * period:
                renewed = time.monotonic()
                with contextlib.suppress(Exception):  # told of where it matters
                    self.store.renew(self._hold)

    def flush(self) -> bool:
        """Write what is owed; return whether nothing is any more."""
        written = 0
        with contextlib.suppress(Exception):
            for key, record in list(self._unwritten.items()):
                self.store.add(record)
                with self._lock:
                    self._unwritten.pop(key, None)
                written += 1
            for name, cost in list(self._owed.items()):
                self.store.settle(name or None, cost)
                with self._lock:
                    left = self._owed.pop(name) - cost
                    if left != Spend():
                        self._owed[name] = left
        if written:
            logger.warning("%d answers kept in memory are in %s now", written, self.store.path)
            self._told = False
        return not self._unwritten and not self._owed

    def _tell(self, error: Exception) -> None:
        with self._lock:
            told, self._told = self._told, True
        if not told:
            why = shown(redact(str(error) or type(error).__name__, frozenset()))
            logger.warning("%s; what is answered is kept in memory until it can be written", why)

    def close(self) -> None:
        """Write what is owed, and close the store; the next use opens it again."""
        self.flush()
        self.store.close()

    def after_fork(self) -> None:
        """In a child: what the parent holds and owes is the parent's."""
        super().after_fork()
        self._start()

    def __getstate__(self) -> dict[str, Any]:
        return {"store": self.store, "seconds": self.seconds}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


@atexit.register
def flush_all() -> None:
    """Write what any store of this process is owed: what is not written now is lost."""
    for keeper in list(_all):
        keeper.flush()
