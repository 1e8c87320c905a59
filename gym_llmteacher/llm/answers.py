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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.reply import Reply

logger = logging.getLogger(__name__)
T = TypeVar("T")

ENV_VAR = "GYM_LLMTEACHER_ANSWERS"
APPLICATION_ID = 0x4C4C4D54  # "LLMT"
SCHEMA_VERSION = 1
_BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE spend (               -- one row: what has been paid for since the file was made
    one INTEGER PRIMARY KEY CHECK (one = 1),
    calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL
);
INSERT INTO spend VALUES (1, 0, 0, 0.0);
CREATE TABLE claims (              -- questions being asked right now
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,           -- host, process and thread
    expires REAL NOT NULL          -- seconds since 1970, UTC
) WITHOUT ROWID;
CREATE TABLE answers (
    key TEXT PRIMARY KEY,          -- sha256 of model, elicitation, messages and parameters
    model TEXT NOT NULL,
    elicitation TEXT NOT NULL,
    text TEXT NOT NULL,            -- the situation this question was first asked for
    prompt TEXT NOT NULL,          -- JSON: messages
    reply TEXT NOT NULL,           -- JSON: raw texts, log-probabilities, tokens, cost, seconds
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    seconds REAL NOT NULL,
    created REAL NOT NULL          -- seconds since 1970, UTC
) WITHOUT ROWID
"""


class Spend(NamedTuple):
    """An amount of requests, tokens and US dollars."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spend) -> Spend:  # type: ignore[override]
        return Spend(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Spend) -> Spend:
        return Spend(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


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


class Answers:
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

    def put(
        self,
        key: str,
        reply: Reply,
        *,
        model: str,
        elicitation: str,
        text: str = "",
        messages: Sequence[Mapping[str, str]] = (),
    ) -> Reply:
        """Store an answer, unless another process was faster.

        :return: the answer that counts: the stored one
        """
        row = (
            key,
            model,
            elicitation,
            text,
            json.dumps([dict(m) for m in messages]),
            json.dumps(reply.as_dict()),
            reply.prompt_tokens,
            reply.completion_tokens,
            reply.cost_usd,
            reply.seconds,
            time.time(),
        )
        try:
            with self._lock:
                statement = f"INSERT OR IGNORE INTO answers VALUES ({','.join('?' * len(row))})"
                self._open().execute(statement, row)
        except (sqlite3.Error, AnswersFileError) as error:
            self._warn(error)
            return reply
        return self.get(key) or reply

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
        """Add to what has been spent, in one step, unless that passes a limit.

        :param limits: of calls, tokens and US dollars; ``inf`` for none
        :return: whether it was added
        """
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
            self._connection = _connect(self.path)
        return self._connection


def _connect(path: str) -> sqlite3.Connection:
    try:
        if path != ":memory:":
            Path(path).expanduser().parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path if path == ":memory:" else Path(path).expanduser(),
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # all use is under one lock
        )
    except (OSError, sqlite3.Error) as error:
        raise _trouble(path, f"it cannot be opened ({error})") from None
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _trouble(path, f"it is not an intact SQLite file ({error})") from None
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    """Look before anything is written; create the table in an empty file."""
    if _is_new(connection, path):
        connection.execute("BEGIN IMMEDIATE")
        if _is_new(connection, path):  # another process may have been faster
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            for statement in _SCHEMA.split(";"):  # executescript would commit first
                connection.execute(statement)
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_new(connection: sqlite3.Connection, path: str) -> bool:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    if owner == 0 and not tables:
        return True
    if owner != APPLICATION_ID:
        raise _trouble(path, f"it is a database of something else (tables: {', '.join(tables)})")
    if version > SCHEMA_VERSION:
        raise _trouble(path, f"a newer gym_llmteacher wrote it (schema {version})")
    fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise _trouble(path, f"it is damaged ({fault})")
    return False


def _trouble(path: str, what: str) -> AnswersFileError:
    return AnswersFileError(
        f"answers file {path}: {what}; expected an answers file of gym_llmteacher, or no file. "
        "It was left as it is. Cure: move it away, or name another file with answers=... or "
        f"${ENV_VAR}."
    )
