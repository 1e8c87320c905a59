"""The answers file's tables: made where there are none, migrated where they are old."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gym_llmteacher.errors import AnswersFileError

ENV_VAR = "GYM_LLMTEACHER_ANSWERS"
APPLICATION_ID = 0x4C4C4D54  # "LLMT"
SCHEMA_VERSION = 4
_BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE spend (               -- one row: what has been paid for since the file was made
    one INTEGER PRIMARY KEY CHECK (one = 1),
    calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL
);
INSERT INTO spend VALUES (1, 0, 0, 0.0);
CREATE TABLE leases (              -- questions being asked right now
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,           -- host, process and thread
    expires REAL NOT NULL          -- seconds since 1970, UTC
) WITHOUT ROWID;
CREATE TABLE facts (               -- what is known of a server, for one
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
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
    created REAL NOT NULL,         -- seconds since 1970, UTC
    edited INTEGER NOT NULL DEFAULT 0  -- 1: a person has replaced what the model said
) WITHOUT ROWID
"""
# What makes a file of one version a file of the next.
_MIGRATIONS = {
    1: "ALTER TABLE answers ADD COLUMN edited INTEGER NOT NULL DEFAULT 0",
    2: "ALTER TABLE claims RENAME TO leases",
    3: "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
}


def connect(path: str) -> sqlite3.Connection:
    """Open an answers file, for use by several threads under one lock.

    :raises AnswersFileError: it is corrupt, belongs to another program, was written by a newer
        version, or cannot be opened; it is left as it is
    """
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
    # In one transaction: another process may make the tables between two looks.
    connection.execute("BEGIN")
    new = _is_new(connection, path)
    connection.execute("COMMIT")
    if new:
        connection.execute("BEGIN IMMEDIATE")
        if _is_new(connection, path):  # another process may have been faster
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            for statement in _SCHEMA.split(";"):  # executescript would commit first
                connection.execute(statement)
        connection.execute("COMMIT")
    if _version(connection) < SCHEMA_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        for version in range(_version(connection), SCHEMA_VERSION):
            connection.execute(_MIGRATIONS[version])
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_new(connection: sqlite3.Connection, path: str) -> bool:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = _version(connection)
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


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _trouble(path: str, what: str) -> AnswersFileError:
    return AnswersFileError(
        f"answers file {path}: {what}; expected an answers file of gym_llmteacher, or no file. "
        "It was left as it is. Cure: move it away, or name another file with answers=... or "
        f"${ENV_VAR}."
    )
