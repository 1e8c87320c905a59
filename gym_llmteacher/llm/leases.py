"""Who asks what: so that threads and processes with one answers file ask each question once."""

from __future__ import annotations

import os
import socket
import threading

from gym_llmteacher.llm.store import Store


class Leases:
    """Leases on questions, kept beside the answers.

    A lease ends when it is released, when the process that holds it has died (on this machine), or
    after ``seconds``.

    Example::

        >>> from gym_llmteacher.llm.answers import Answers
        >>> leases = Leases(Answers(":memory:"))
        >>> leases.take("question", 60.0), leases.take("question", 60.0)
        (True, False)
        >>> leases.release("question"); leases.take("question", 60.0)
        True
    """

    def __init__(self, answers: Store) -> None:
        self.answers = answers

    def take(self, key: str, seconds: float) -> bool:
        """Lease a question for so many seconds at most; False while somebody else holds it."""
        return self.answers.lease(key, _owner(), seconds, _may_live)

    def release(self, key: str) -> None:
        """Give up a lease of this thread."""
        self.answers.release(key, _owner())


def _owner() -> str:
    return f"{socket.gethostname()} {os.getpid()} {threading.get_ident()}"


def _may_live(owner: str) -> bool:
    """Whether the process behind a lease may still be running."""
    host, pid, _ = owner.rsplit(" ", 2)
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True
