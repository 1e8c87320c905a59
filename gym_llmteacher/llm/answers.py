"""The answers file: what a model said to a question, so that nobody pays for it twice.

SQLite in WAL mode, contents as JSON. Several processes may use it at once. Nothing in it can be
executed, and no key or address of a server is in it, so it can be given to a colleague.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gym_llmteacher.llm import books
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.sqlite import BUSY_SECONDS, ENV_VAR, BusyError, SqliteFile
from gym_llmteacher.llm.store import ALL, Find, Hold, Spend, Store, Totals
from gym_llmteacher.shown import shown

logger = logging.getLogger(__name__)
_PAGE = 500
_COLUMNS = "key, model, elicitation, text, prompt, reply, created, edited"


def default_path() -> str:
    """``$GYM_LLMTEACHER_ANSWERS``, or ``answers.sqlite`` in the user's cache folder."""
    named = os.environ.get(ENV_VAR)
    if named:
        return named
    from platformdirs import user_cache_path

    return str(user_cache_path("gym_llmteacher", appauthor=False) / "answers.sqlite")


class Answers(Store):
    """An answers file, opened when it is first needed, in every process anew.

    :param path: file, or ``":memory:"`` to keep nothing (default: `default_path`)

    Example::

        >>> answers = Answers(":memory:")
        >>> answers.put("k", Reply(("yes",)), model="m", elicitation="samples").texts
        ('yes',)
        >>> answers.get("k").texts, answers.get("other")
        (('yes',), None)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = default_path() if path is None else os.fspath(path)
        self._file = SqliteFile(self.path)
        self._told_of_bad_rows = False

    def check(self, writes: bool = True) -> None:
        """Open the file, creating it where there is none.

        :raises AnswersFileError: it is corrupt, belongs to another program, was written by a newer
            version, or cannot be opened or (with ``writes``) written; it is left as it is
        """
        self._file.read(lambda c: None)
        if writes:
            self._file.check_writable()

    def get(self, key: str) -> Reply | None:
        """What was answered to this question, if it is known."""
        query = "SELECT reply FROM answers WHERE key = ?"
        row = self._file.read(lambda c: c.execute(query, (key,)).fetchone())
        try:
            return None if row is None else Reply.from_dict(json.loads(row[0]))
        except (ValueError, TypeError, RecursionError) as error:
            self._tell_of_bad_row(key, error)
            return None

    def recall(self, name: str) -> str | None:
        """What was remembered under this name."""
        query = "SELECT value FROM facts WHERE name = ?"
        row = self._file.read(lambda c: c.execute(query, (name,)).fetchone())
        return None if row is None else str(row[0])

    def remember(self, name: str, value: str) -> None:
        """Keep a short text that is no answer."""
        statement = "INSERT OR REPLACE INTO facts VALUES (?, ?)"
        self._file.write(lambda c: c.execute(statement, (name, value)))

    def page(self, find: Find = ALL, skip: int = 0, most: int = 500) -> list[Record]:
        """Some of the records, in order; those that cannot be read are left out."""
        where, values = _where(find)
        order, down = _ORDERS[find.order], " DESC" if find.newest else ""
        query = (
            f"SELECT {_COLUMNS} FROM answers {where} ORDER BY {order}{down}, key{down} "
            "LIMIT ? OFFSET ?"
        )
        return list(filter(None, map(self._record, self._rows(query, [*values, most, skip]))))

    def records(self, find: Find = ALL) -> Iterator[Record]:
        """All of them, oldest first; however many there are, a few are in memory at a time."""
        where, values = _where(find)
        after: tuple[float, str] = (-math.inf, "")
        # By position, not by number: what comes in meanwhile moves nothing.
        query = (
            f"SELECT {_COLUMNS} FROM answers {where or 'WHERE 1'} AND (created, key) > (?, ?) "
            f"ORDER BY created, key LIMIT {_PAGE}"
        )
        while True:
            rows = self._rows(query, [*values, *after])
            yield from filter(None, map(self._record, rows))
            if len(rows) < _PAGE:
                return
            after = rows[-1][6], rows[-1][0]

    def totals(self) -> list[Totals]:
        """What the answers took, by model and kind of question."""
        return [Totals(*row) for row in self._rows(_TOTALS, [])]

    def _rows(self, query: str, values: Sequence[Any]) -> list[Any]:
        return self._file.read(lambda c: c.execute(query, values).fetchall())

    def _record(self, row: Sequence[Any]) -> Record | None:
        form = dict(zip(_COLUMNS.split(", "), row, strict=True))
        try:
            form |= {"prompt": json.loads(form["prompt"]), "reply": json.loads(form["reply"])}
            return Record.from_dict(form)
        except (ValueError, TypeError, RecursionError) as error:
            self._tell_of_bad_row(form["key"], error)
            return None

    def _tell_of_bad_row(self, key: Any, error: Exception) -> None:
        if not self._told_of_bad_rows:
            self._told_of_bad_rows = True
            logger.warning(
                "answers file %s: the answer with the key %s cannot be read (%s); it counts as not "
                "there, and so do others like it", self.path, shown(str(key)), shown(str(error)),
            )  # fmt: skip

    def insert(self, records: Iterable[Record]) -> int:
        """Add records whose keys are new, all or none; return how many."""
        marks = ",".join("?" * 12)

        def add(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            rows = map(_row, records)
            connection.executemany(f"INSERT OR IGNORE INTO answers VALUES ({marks})", rows)
            return connection.total_changes - before

        return self._file.write(add)

    def replace(self, record: Record) -> None:
        """Put a record in the place of the one with the same key."""
        marks = ",".join("?" * 12)
        row = _row(record)
        self._file.write(
            lambda c: c.execute(f"INSERT OR REPLACE INTO answers VALUES ({marks})", row)
        )

    def delete(self, keys: Iterable[str]) -> int:
        """Delete records; return how many there were."""

        def remove(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            connection.executemany("DELETE FROM answers WHERE key = ?", ((key,) for key in keys))
            return connection.total_changes - before

        return self._file.write(remove)

    def lease(self, key: str, hold: Hold) -> bool:
        """Lease a question, unless it is held by somebody who lives, or nobody can write now."""
        try:
            return self._file.write(lambda c: books.lease(c, key, hold), seconds=0.2)
        except BusyError:
            return False

    def release(self, key: str, hold: Hold) -> None:
        """Give up a lease, if it is this owner's."""
        statement = "DELETE FROM leases WHERE key = ? AND owner = ?"
        self._file.write(lambda c: c.execute(statement, (key, hold.owner)))

    def renew(self, hold: Hold) -> None:
        """Say that this owner lives; what those held who live no more is free again."""
        self._file.write(lambda c: books.renew(c, hold))

    def reserve(
        self,
        amount: Spend,
        limits: tuple[float, float, float],
        hold: Hold,
        seconds: float = BUSY_SECONDS,
    ) -> str | None:
        """Set an amount aside for this owner, in one step, unless that passes a limit."""
        return self._file.write(lambda c: books.reserve(c, amount, limits, hold), seconds)

    def settle(self, reserved: str | None, cost: Spend) -> None:
        """Enter what something did cost, and give back what was set aside for it."""
        self._file.write(lambda c: books.settle(c, reserved, cost))

    def spent(self) -> Spend:
        """What has been spent since the file was made, by all processes."""
        return self._file.read(books.spent)

    def __len__(self) -> int:
        query = "SELECT count(*) FROM answers"
        return int(self._file.read(lambda c: c.execute(query).fetchone()[0]))

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


_ORDERS = {
    "created": "created",
    "model": "model",
    "text": "text",
    "tokens": "prompt_tokens + completion_tokens",
}


_TOTALS = (
    "SELECT model, elicitation, count(*), sum(prompt_tokens + completion_tokens), sum(cost_usd), "
    "sum(seconds) FROM answers GROUP BY model, elicitation ORDER BY model, elicitation"
)


def _where(find: Find) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if find.key:
        # A range, which the primary key knows, and no pattern, which it does not.
        parts.append("key >= ? AND key < ?")
        values += [find.key, find.key + "\U0010ffff"]
    if find.since >= 0:
        parts.append("created > ?")
        values.append(find.since)
    if find.model is not None:
        parts.append("model = ?")
        values.append(find.model)
    if find.text:
        parts.append("(instr(text, ?) OR instr(prompt, ?))")
        values += [find.text, json.dumps(find.text)[1:-1]]
    if find.tasks:
        parts.append("(" + " OR ".join(["instr(prompt, ?)"] * len(find.tasks)) + ")")
        values += [json.dumps(task)[1:-1] for task in find.tasks]
    return ("WHERE " + " AND ".join(parts) if parts else ""), values


def _row(record: Record) -> tuple[Any, ...]:
    reply = Reply.from_dict(record.reply)
    # What is no Unicode, half of a pair of surrogates, has no place in a text column.
    words = (
        word.encode("utf-8", "backslashreplace").decode()
        for word in (record.key, record.model, record.elicitation, record.text)
    )
    return (
        *words, json.dumps(record.prompt), json.dumps(reply.as_dict()), reply.prompt_tokens,
        reply.completion_tokens, reply.cost_usd, reply.seconds, record.created, int(record.edited),
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
