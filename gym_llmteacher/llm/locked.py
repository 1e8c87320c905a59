"""Objects with a lock that can be pickled, copied, and taken over into a forked process."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

_all: weakref.WeakSet[Locked] = weakref.WeakSet()


class Locked:
    """Has a reentrant ``_lock``; a copy, or the object in another process, gets a lock of its own.

    In a forked child, a lock that another thread held at that moment would be held for ever.

    >>> import pickle
    >>> with pickle.loads(pickle.dumps(Locked()))._lock:
    ...     pass
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _all.add(self)

    def after_fork(self) -> None:
        """In a forked child: forget what other threads of the parent were doing."""
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()
        _all.add(self)


def _after_fork() -> None:
    for one in list(_all):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
