"""Probe every model once per process."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable

_probed: set[str] = set()
_probed_lock = threading.Lock()


def _after_fork() -> None:
    # The thread that holds it here and now is the parent's.
    global _probed_lock
    _probed_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def probe_once(key: str, probe: Callable[[], object]) -> None:
    """Call ``probe`` unless it has succeeded in this process for the same ``key``.

    :raises ModelUnavailableError: what ``probe`` raises; it will be tried again next time
    """
    with _probed_lock:
        digest = hashlib.sha256(key.encode()).hexdigest()  # the key may hold an API key
        if digest not in _probed:
            probe()
            _probed.add(digest)


def forget_probes() -> None:
    """Probe every model again (for tests, or when a key has changed)."""
    with _probed_lock:
        _probed.clear()
