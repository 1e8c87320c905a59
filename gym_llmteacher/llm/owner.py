"""Who holds a lease: a name that no other process has, nor ever had, on any machine."""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path

_UNKNOWN = "-"


def new_owner() -> str:
    """A name for something in this process: machine, process, its start, a random token.

    Host name and process number would not do: a container that is started again has both again.

    >>> len(new_owner().split()), may_live(new_owner())
    (4, True)
    """
    return f"{_machine()} {os.getpid()} {_started(os.getpid())} {secrets.token_hex(8)}"


def may_live(owner: str) -> bool:
    """Whether the process behind a name may still be running.

    :return: ``False`` only where that can be looked up: the same boot of the same machine, and the
        same PID namespace. For all others, only time tells

    >>> may_live("some-other-machine 1 2 abc"), may_live(f"{_machine()} 999999999 2 abc")
    (True, False)
    """
    machine, pid, started, *_ = (*owner.split(" "), "", "", "")
    if machine != _machine() or machine == _UNKNOWN:
        return True
    return _started(pid) == started


@lru_cache(maxsize=1)
def _machine() -> str:
    """Boot and PID namespace: processes of the same can look at each other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}".replace(" ", "")
    except OSError:  # no Linux
        return _UNKNOWN


def _started(pid: int | str) -> str:
    """When a process started, in clock ticks since the boot; "" if it runs no more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    # The second field is the name of the program, in brackets, with anything in it.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


if hasattr(os, "register_at_fork"):  # a child may be in another PID namespace
    os.register_at_fork(after_in_child=_machine.cache_clear)
