"""The answers file: opened by every process anew, made where there is none, migrated if old.

Two connections: in WAL mode, one that reads never waits for one that writes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.llm.schema import APPLICATION_ID, MIGRATIONS, SCHEMA, SCHEMA_VERSION

ENV_VAR = "GYM_LLMTEACHER_ANSWERS"
BUSY_SECONDS = 1.5
"""How long to wait for another process that writes, if nothing else is said."""
_OPENING_SECONDS = 30.0  # for others that are making the file
_SMALL = 32_000_000  # bytes; larger files are not read from end to end when they are opened
T = TypeVar("T")


class BusyError(AnswersFileError):
    """Another process has been writing for longer than one wanted to wait."""


class SqliteFile(Locked):
    """One answers file, for any number of threads.

    :param path: file, or ``":memory:"``
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self._inherited: list[sqlite3.Connection | None] = []
        self._writing = threading.RLock()
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    def after_fork(self) -> None:
        """In a child: SQLite connections must not cross a fork; closing them would disturb."""
        super().after_fork()
        self._inherited += [self._reader, self._writer]
        self._writing = threading.RLock()
        self._reader = self._writer = None

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Look something up.

        :raises AnswersFileError: trouble with the file
        """
        if self.path == ":memory:":
            return self.write(work)
        with self._lock:
            try:
                self._check_place()
                if self._reader is None:
                    self._reader = _patiently(self._open_reader)
                return work(self._reader)
            except sqlite3.Error as error:
                raise trouble(self.path, str(error)) from None

    def write(self, work: Callable[[sqlite3.Connection], T], seconds: float = BUSY_SECONDS) -> T:
        """Do something that no other process can come between.

        :param seconds: how long to wait for another one that writes
        :raises BusyError: that was not long enough
        :raises AnswersFileError: trouble with the file; nothing has been changed
        """
        if not self._writing.acquire(timeout=max(0.0, seconds)):
            raise BusyError(f"answers file {self.path}: others have been writing for too long")
        try:
            with self._lock:
                self._check_place()
                if self._writer is None:
                    self._writer = _patiently(self._open_writer, seconds)
            connection = self._writer
            connection.execute(f"PRAGMA busy_timeout = {max(1, round(1000 * seconds))}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return result
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise BusyError(f"answers file {self.path}: {error}") from None
            raise trouble(self.path, str(error)) from None
        except sqlite3.Error as error:
            raise trouble(self.path, str(error)) from None
        finally:
            self._writing.release()

    def check_writable(self) -> None:
        """Check that it can be written, without waiting for others that write.

        :raises AnswersFileError: it cannot
        """
        with self._lock:
            if self._writer is None:
                try:
                    self._writer = _patiently(self._open_writer)
                except sqlite3.Error as error:
                    raise trouble(self.path, str(error)) from None

    def close(self) -> None:
        """Close it; the next use opens it again."""
        with self._writing, self._lock:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = self._inode = None

    def _check_place(self) -> None:
        """Notice when the file at this path is no longer the one that was opened."""
        if self._inode is not None and self._inode != _inode(self.path):
            raise AnswersFileError(
                f"answers file {self.path} was deleted or replaced while it was in use; nothing is "
                "read from it or written to it any more. Cure: put it back, or start again."
            )

    def _open_reader(self) -> sqlite3.Connection:
        if not Path(self.path).expanduser().exists():
            with self._lock:
                self._writer = self._writer or self._open_writer()
        connection = _connect(self.path, writes=_is_writable(self.path))
        try:
            # In one transaction: another process may make the tables between two looks.
            connection.execute("BEGIN")
            stale = _is_new(connection, self.path) or _version(connection) < SCHEMA_VERSION
            connection.execute("COMMIT")
            if stale:
                connection.close()
                self._writer = self._writer or self._open_writer()
                connection = _connect(self.path, writes=True)
            if self._inode is None:
                _check_intact(connection, self.path)
        except sqlite3.Error as error:
            connection.close()
            if _is_locked(error):
                raise
            raise trouble(self.path, f"it is not an intact SQLite file ({error})") from None
        except BaseException:
            connection.close()
            raise
        self._inode = _inode(self.path)
        return connection

    def _open_writer(self) -> sqlite3.Connection:
        if self.path != ":memory:" and not _is_writable(self.path):
            raise AnswersFileError(
                f"answers file {self.path} is read-only. Cure: offline=True to use what is in it, "
                f"or name a file that can be written with answers=... or ${ENV_VAR}."
            )
        connection = _connect(self.path, writes=True)
        try:
            _prepare(connection, self.path)
        except sqlite3.Error as error:
            connection.close()
            if _is_locked(error):
                raise
            raise trouble(self.path, f"it is not an intact SQLite file ({error})") from None
        except BaseException:
            connection.close()
            raise
        self._inode = _inode(self.path)
        return connection


def _patiently(
    opening: Callable[[], sqlite3.Connection], seconds: float = _OPENING_SECONDS
) -> sqlite3.Connection:
    """Open a file that others are making just now: SQLite does not wait for all of its locks."""
    ends = time.monotonic() + seconds
    while True:
        try:
            return opening()
        except sqlite3.Error as error:
            if not _is_locked(error) or time.monotonic() > ends:
                raise
        time.sleep(0.02)


def _is_locked(error: sqlite3.Error) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _inode(path: str) -> tuple[int, int] | None:
    if path == ":memory:":
        return None
    try:
        found = os.stat(Path(path).expanduser())
    except OSError:
        return (0, 0)
    return found.st_dev, found.st_ino


def _is_writable(path: str) -> bool:
    """Whether the file, and its companions in the same folder, can be written."""
    file = Path(path).expanduser()
    folder = next((parent for parent in file.parents if parent.exists()), Path())
    return os.access(folder, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))


def _connect(path: str, writes: bool) -> sqlite3.Connection:
    file = Path(path).expanduser()
    try:
        if writes and path != ":memory:":
            file.parent.mkdir(parents=True, exist_ok=True)
        place = path if path == ":memory:" else f"file:{quote(str(file.absolute()))}"
        if not writes:
            # No companion files can be made there. Those that are left have something to say.
            left = all(Path(f"{file}{companion}").exists() for companion in ("-wal", "-shm"))
            place += "?mode=ro" if left else "?immutable=1"
        return sqlite3.connect(
            place, timeout=BUSY_SECONDS, isolation_level=None, uri=path != ":memory:",
            check_same_thread=False,  # all use is under a lock
        )  # fmt: skip
    except (OSError, sqlite3.Error) as error:
        raise trouble(path, f"it cannot be opened ({error})") from None


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
            for statement in SCHEMA.split(";"):  # executescript would commit first
                connection.execute(statement)
        connection.execute("COMMIT")
    if _version(connection) < SCHEMA_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        for version in range(_version(connection), SCHEMA_VERSION):
            for statement in MIGRATIONS[version].split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_new(connection: sqlite3.Connection, path: str) -> bool:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = _version(connection)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    if owner == 0 and not tables:
        return True
    if owner != APPLICATION_ID:
        raise trouble(path, f"it is a database of something else (tables: {', '.join(tables)})")
    if version > SCHEMA_VERSION:
        raise trouble(path, f"a newer gym_llmteacher wrote it (schema {version})")
    return False


def _check_intact(connection: sqlite3.Connection, path: str) -> None:
    size = connection.execute("PRAGMA page_count").fetchone()[0]
    size *= connection.execute("PRAGMA page_size").fetchone()[0]
    if size <= _SMALL:
        fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if fault != "ok":
            raise trouble(path, f"it is damaged ({fault})")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def trouble(path: str, what: str) -> AnswersFileError:
    """What is wrong with an answers file, as an error."""
    return AnswersFileError(
        f"answers file {path}: {what}; expected an answers file of gym_llmteacher, or no file. "
        "It was left as it is. Cure: move it away, or name another file with answers=... or "
        f"${ENV_VAR}."
    )
