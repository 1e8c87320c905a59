"""Who asks what: so that threads and processes with one answers file ask each question once."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time

from gym_llmteacher.llm.answers import Answers


class Claims:
    """Claims on questions, kept beside the answers.

    A claim ends when it is released, when the process that holds it has died (on this machine), or
    after ``seconds``.

    Example::

        >>> claims = Claims(Answers(":memory:"), seconds=60)
        >>> claims.take("question"), claims.take("question")
        (True, False)
        >>> claims.release("question"); claims.take("question")
        True
    """

    def __init__(self, answers: Answers, seconds: float) -> None:
        self.answers = answers
        self.seconds = seconds

    def take(self, key: str) -> bool:
        """Claim a question; False while somebody else holds it."""

        def claim(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                "SELECT owner, expires FROM claims WHERE key = ?", (key,)
            ).fetchone()
            if row is not None and row[1] > time.time() and _may_live(row[0]):
                return False
            values = (key, _owner(), time.time() + self.seconds)
            connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", values)
            return True

        return self.answers.transaction(claim)

    def release(self, key: str) -> None:
        """Give up a claim of this thread."""
        statement = "DELETE FROM claims WHERE key = ? AND owner = ?"
        self.answers.transaction(lambda c: c.execute(statement, (key, _owner())) and None)


def _owner() -> str:
    return f"{socket.gethostname()} {os.getpid()} {threading.get_ident()}"


def _may_live(owner: str) -> bool:
    """Whether the process behind a claim may still be running."""
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
