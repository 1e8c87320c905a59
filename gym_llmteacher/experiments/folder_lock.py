"""One training at a time in a folder: two would overwrite each other's checkpoints."""

from __future__ import annotations

import importlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.shown import shown

FILE = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder; it is free again when this ends, or the process does, in whatever way.

    :raises CheckpointError: another process holds it

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     with locked(Path(name)):
    ...         print("mine")
    mine
    """
    try:
        fcntl: Any = importlib.import_module("fcntl")
    except ImportError:  # Windows
        yield
        return
    with (folder / FILE).open("a+", encoding="utf-8", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            who = shown(file.read(200).strip()) or "another process"
            raise CheckpointError(
                f"{folder} is in use by {who}; expected a folder that nothing else trains in. "
                "Cure: wait for that, end it, or name another folder with --out."
            ) from None
        file.seek(0)
        file.truncate()
        since = time.strftime("%Y-%m-%d %H:%M:%S %Z")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {since}")
        file.flush()
        yield
