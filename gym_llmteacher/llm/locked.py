"""Objects with a lock that can be pickled and copied all the same."""

from __future__ import annotations

import threading
from typing import Any


class Locked:
    """Has a reentrant ``_lock``; a copy, or the object in another process, gets a lock of its own.

    >>> import pickle
    >>> with pickle.loads(pickle.dumps(Locked()))._lock:
    ...     pass
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()
