"""Who asks what: so that threads and processes with one store ask each question once."""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDoneError
from typing import Any

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.errors import NoReplyError, NotAskedError
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.llm.reply import Reply

logger = logging.getLogger(__name__)

_POLL = 0.05  # seconds between looks for another process's answer
_LONG = 1.0  # a wait that is worth a line in the log


class Leases(Locked):
    """Leases on questions: one asks, whoever else wants to know waits for the answer.

    Threads of this process wait for the very same reply or failure; other processes are kept off
    by a lease in the store, which ends when it is released or the process that holds it ends.

    :param keeper: of the store

    Example::

        >>> from gym_llmteacher.llm.answers import Answers
        >>> keeper = Keeper(Answers(":memory:"))
        >>> soon = time.monotonic() + 10.0
        >>> Leases(keeper).once("key", soon, lambda: None, lambda: Reply(("yes",))).texts
        ('yes',)
    """

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self.keeper = keeper
        self._asked: dict[str, Future[Reply]] = {}

    def once(
        self, key: str, ends: float, known: Callable[[], Reply | None], ask: Callable[[], Reply]
    ) -> Reply:
        """The reply, from whoever is asking, or else from ``ask``.

        :param ends: when to give up waiting, by the monotonic clock
        :param known: looks whether the reply is there by now
        :raises NotAskedError: somebody else is still asking at that time, or another thread's
            attempt, which this one waited for, failed
        """
        with self._lock:
            asked = self._asked.get(key)
            mine: Future[Reply] = Future()
            if asked is None:
                self._asked[key] = mine
        if asked is not None:
            return self._from_another_thread(asked, ends)
        try:
            reply = self._alone(key, ends, known, ask)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(reply)
            return reply
        finally:
            with self._lock:
                del self._asked[key]

    def _from_another_thread(self, asked: Future[Reply], ends: float) -> Reply:
        started = time.monotonic()
        try:
            try:
                return asked.result(max(0.0, min(_LONG, ends - started)))
            except NotDoneError:
                if asked.done() or time.monotonic() >= ends:
                    raise
                _log_wait("another thread")
                return asked.result(max(0.0, ends - time.monotonic()))
        except NotDoneError:
            if not asked.done():
                raise _too_late("another thread", time.monotonic() - started) from None
            raise
        except NoReplyError as error:
            # One failure is everybody's who waited for it, and counts once.
            raise NotAskedError(str(error), error.reason) from None
        except Exception as error:
            raise copy.copy(error) from None
        except BaseException:  # that thread was interrupted, this one was not
            raise NotAskedError("the thread that asked was interrupted") from None

    def _alone(
        self, key: str, ends: float, known: Callable[[], Reply | None], ask: Callable[[], Reply]
    ) -> Reply:
        started, told = time.monotonic(), False
        while not self.keeper.lease(key):
            # Another process is asking this very question: its answer is free.
            reply = known()
            if reply is not None:
                return reply
            waited = time.monotonic() - started
            if time.monotonic() >= ends:
                raise _too_late("another process", waited)
            if waited > _LONG and not told:
                told = True
                _log_wait("another process")
            time.sleep(min(_POLL, max(0.0, ends - time.monotonic())))
        try:
            reply = known()
            return ask() if reply is None else reply
        finally:
            self.keeper.release(key)

    def after_fork(self) -> None:
        """In a child: nobody here waits for the parent's threads."""
        super().after_fork()
        self._asked = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"keeper": self.keeper}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def _log_wait(who: str) -> None:
    logger.warning(
        "%s is waiting for an answer that %s is asking for", threading.current_thread().name, who
    )


def _too_late(who: str, seconds: float) -> NotAskedError:
    return NotAskedError(
        f"{who} is asking the same question, and had no answer within {seconds:.1f} s.",
        Abstention.TIMEOUT,
    )
