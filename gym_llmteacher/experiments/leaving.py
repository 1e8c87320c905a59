"""A command that is told to end: what is worth keeping is written, and then it is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN = 0.4  # seconds
_LATEST = 1.8
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Told(KeyboardInterrupt):
    """To end, by SIGINT or SIGTERM.

    :param number: which of them
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Have SIGINT and SIGTERM raise `KeyboardInterrupt` here, and end the process soon after.

    An exception in the wrong place, in somebody's destructor or callback, is swallowed, and one
    that comes between a lock and its release leaves it locked. So it is raised again until
    `settled`, and after two seconds the process ends in any case.
    """

    def leave(number: int, _: object) -> None:
        if not _told.is_set():
            _told.set()
            threading.Thread(target=_insist, args=(number,), daemon=True, name="leaving").start()
        if not _settled.is_set():
            raise Told(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not for other threads
        return
    before = {number: signal.signal(number, leave) for number in _SIGNALS}
    try:
        yield
    except Told:
        settled()
        raise
    finally:
        if not _told.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)


def settled() -> None:
    """Say that the exception has arrived where it is dealt with."""
    _settled.set()


def leave(number: int) -> None:
    """End the process as one that a signal has ended, without taking it apart: that takes seconds.

    What stores are owed is written first.
    """
    from gym_llmteacher.llm.keeper import flush_all

    flush_all()
    sys.stdout.flush()
    os._exit(128 + number)


def _insist(number: int) -> None:
    ends = time.monotonic() + _LATEST
    while time.monotonic() < ends - _AGAIN and not _settled.wait(_AGAIN):
        os.kill(os.getpid(), number)
    time.sleep(max(0.0, ends - time.monotonic()))
    # No flush here: it may wait for what this is the way out of.
    os._exit(128 + number)


_told, _settled = threading.Event(), threading.Event()
