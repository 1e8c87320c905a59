"""The answers file: what a model said to a question, so that nobody pays for it twice.

SQLite in WAL mode, contents as JSON. Several processes may use it at once. Nothing in it can be
executed, and no key or address of a server is in it, so it can be given to a colleague.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.sqlite import ENV_VAR, connect
from gym_llmteacher.llm.store import Record, Spend, Store

logger = logging.getLogger(__name__)
T = TypeVar("T")
_COLUMNS = "key, model, elicitation, text, prompt, reply, created, edited"


def default_path() -> str:
    """``$GYM_LLMTEACHER_ANSWERS``, or ``answers.sqlite`` in the user's cache folder."""
    named = os.environ.get(ENV_VAR)
    if named:
        return named
    from platformdirs import user_cache_path

    return str(user_cache_path("gym_llmteacher", appauthor=False) / "answers.sqlite")


def answer_key(
    model: str,
    elicitation: str,
    messages: Sequence[Mapping[str, str]],
    params: Mapping[str, Any],
) -> str:
    """Identity of a question: hex sha256 of its canonical JSON.

    :param params: everything that changes what may be answered; no key, no address of a server

    >>> answer_key("m", "samples", [{"role": "user", "content": "?"}], {"n": 2})[:8]
    '85382b10'
    """
    form = {
        "model": model,
        "elicitation": elicitation,
        "messages": [dict(m) for m in messages],
        "params": dict(params),
    }
    canonical = json.dumps(form, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


class Answers(Store):
    """An answers file, opened when it is first needed, in every process anew.

    :param path: file, or ``":memory:"`` to keep nothing (default: `default_path`)

    Trouble with the file during training (a full disk, a lock held for half a minute) is logged
    once; the file then counts as empty.

    Example::

        >>> answers = Answers(":memory:")
        >>> answers.put("k", Reply(("yes",)), model="m", elicitation="samples").texts
        ('yes',)
        >>> answers.get("k").texts, answers.get("other")
        (('yes',), None)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = default_path() if path is None else os.fspath(path)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._inherited: list[sqlite3.Connection | None] = []
        self._warned = False

    def check(self) -> None:
        """Open the file, creating it where there is none.

        :raises AnswersFileError: it is corrupt, belongs to another program, was written by a newer
            version, or cannot be opened; it is left as it is
        """
        with self._lock:
            self._open()

    def get(self, key: str) -> Reply | None:
        """What was answered to this question, if it is known."""
        try:
            with self._lock:
                rows = self._open().execute("SELECT reply FROM answers WHERE key = ?", (key,))
                row = rows.fetchone()
            return None if row is None else Reply.from_dict(json.loads(row[0]))
        except (sqlite3.Error, AnswersFileError, KeyError, TypeError, ValueError) as error:
            self._warn(error)
            return None

    def add(self, record: Record) -> Reply:
        """Store an answer, unless another process was faster; return the one that counts."""
        try:
            self.insert([record])
        except (sqlite3.Error, AnswersFileError) as error:
            self._warn(error)
            return Reply.from_dict(record.reply)
        return self.get(record.key) or Reply.from_dict(record.reply)

    def recall(self, name: str) -> str | None:
        """What was remembered under this name."""
        try:
            with self._lock:
                rows = self._open().execute("SELECT value FROM facts WHERE name = ?", (name,))
                row = rows.fetchone()
            return None if row is None else str(row[0])
        except (sqlite3.Error, AnswersFileError) as error:
            self._warn(error)
            return None

    def remember(self, name: str, value: str) -> None:
        """Keep a short text that is no answer."""
        try:
            self.transaction(
                lambda c: c.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
            )
        except (sqlite3.Error, AnswersFileError) as error:
            self._warn(error)

    def records(self) -> list[Record]:
        """Everything, oldest first."""
        query = f"SELECT {_COLUMNS} FROM answers ORDER BY created, key"
        with self._lock:
            rows = self._open().execute(query).fetchall()
        return [
            Record(
                key, model, how, text, json.loads(prompt), json.loads(reply), created, bool(edited)
            )
            for key, model, how, text, prompt, reply, created, edited in rows
        ]

    def insert(self, records: Iterable[Record]) -> int:
        """Add records whose keys are new, all or none; return how many."""
        rows = [_row(record) for record in records]
        marks = ",".join("?" * 12)

        def add(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            connection.executemany(f"INSERT OR IGNORE INTO answers VALUES ({marks})", rows)
            return connection.total_changes - before

        return self.transaction(add)

    def replace(self, record: Record) -> None:
        """Put a record in the place of the one with the same key."""
        marks = ",".join("?" * 12)
        row = _row(record)
        self.transaction(
            lambda c: c.execute(f"INSERT OR REPLACE INTO answers VALUES ({marks})", row)
        )

    def delete(self, keys: Iterable[str]) -> int:
        """Delete records; return how many there were."""
        rows = [(key,) for key in keys]
        return self.transaction(
            lambda c: (
                c.executemany("DELETE FROM answers WHERE key = ?", rows).rowcount if rows else 0
            )
        )

    def lease(self, key: str, owner: str, seconds: float, lives: Callable[[str], bool]) -> bool:
        """Lease a question for so many seconds, unless it is held by somebody who lives."""

        def take(connection: sqlite3.Connection) -> bool:
            query = "SELECT owner, expires FROM leases WHERE key = ?"
            row = connection.execute(query, (key,)).fetchone()
            if row is not None and row[1] > time.time() and lives(row[0]):
                return False
            values = (key, owner, time.time() + seconds)
            connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", values)
            return True

        return self.transaction(take)

    def release(self, key: str, owner: str) -> None:
        """Give up a lease, if it is this owner's."""
        statement = "DELETE FROM leases WHERE key = ? AND owner = ?"
        self.transaction(lambda c: c.execute(statement, (key, owner)))

    def transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something to the file that no other process can come between."""
        with self._lock:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return result

    def spend(self, amount: Spend, limits: tuple[float, float, float]) -> bool:
        """Add to what has been spent, in one step, unless that passes a limit."""
        calls, tokens, usd = (min(limit, 1e300) for limit in limits)
        statement = (
            "UPDATE spend SET calls = calls + :c, tokens = tokens + :t, usd = usd + :u "
            "WHERE calls + :c <= :mc AND tokens + :t <= :mt AND usd + :u <= :mu"
        )
        values = {"c": amount.calls, "t": amount.tokens, "u": amount.usd,
                  "mc": calls, "mt": tokens, "mu": usd}  # fmt: skip
        with self._lock:
            return self._open().execute(statement, values).rowcount == 1

    def spent(self) -> Spend:
        """What has been spent since the file was made, by all processes."""
        with self._lock:
            row = self._open().execute("SELECT calls, tokens, usd FROM spend").fetchone()
        return Spend(*row)

    def __len__(self) -> int:
        with self._lock:
            count: int = self._open().execute("SELECT count(*) FROM answers").fetchone()[0]
        return count

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
                self._connection = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            logger.warning("answers file %s: %s; going on without it", self.path, error)

    def _open(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            # SQLite connections must not cross a fork; closing one here would disturb the parent.
            self._inherited.append(self._connection)
            self._connection, self._pid = None, os.getpid()
        if self._connection is None:
            self._connection = connect(self.path)
        return self._connection


def _row(record: Record) -> tuple[Any, ...]:
    reply = Reply.from_dict(record.reply)
    return (
        record.key, record.model, record.elicitation, record.text, json.dumps(record.prompt),
        json.dumps(reply.as_dict()), reply.prompt_tokens, reply.completion_tokens, reply.cost_usd,
        reply.seconds, record.created, int(record.edited),
    )  # fmt: skip


def open_answers(spec: str | os.PathLike[str] | Store | None = None) -> Store:
    """Open the store that ``spec`` names.

    :param spec: path of a file, ``":memory:"``, ``"redis://host:port/0"``, or a `Store`;
        ``None``: `default_path`
    :raises AnswersFileError: Redis is wanted and its client is not installed

    >>> type(open_answers(":memory:")).__name__
    'Answers'
    """
    if isinstance(spec, Store):
        return spec
    path = default_path() if spec is None else os.fspath(spec)
    if path.startswith(("redis://", "rediss://", "unix://")):
        from gym_llmteacher.llm.redis_store import RedisAnswers

        return RedisAnswers(path)
    return Answers(path)
