"""Leases and money in an answers file: each function is one step of a transaction."""

from __future__ import annotations

import sqlite3
import time
import uuid

from gym_llmteacher.llm.owner import may_live
from gym_llmteacher.llm.store import Hold, Lives, Spend

Connection = sqlite3.Connection


def lease(c: Connection, key: str, hold: Hold) -> bool:
    """Lease a question, unless it is held by somebody who lives."""
    row = c.execute("SELECT owner FROM leases WHERE key = ?", (key,)).fetchone()
    if row is not None and _lives(c, row[0], hold.lives):
        return False
    c.execute("INSERT OR REPLACE INTO leases VALUES (?, ?)", (key, hold.owner))
    _sign(c, hold)
    return True


def renew(c: Connection, hold: Hold) -> None:
    """Say that an owner lives, and free what the dead held."""
    _sign(c, hold)
    reap(c, hold.lives)


def reserve(
    c: Connection, amount: Spend, limits: tuple[float, float, float], hold: Hold
) -> str | None:
    """Set an amount aside, unless what is spent and set aside would pass a limit then."""
    if _passes(c, amount, limits):
        reap(c, hold.lives)
        if _passes(c, amount, limits):
            return None
    name = uuid.uuid4().hex
    c.execute("INSERT INTO reserves VALUES (?, ?, ?, ?, ?)", (name, hold.owner, *amount))
    _sign(c, hold)
    return name


def settle(c: Connection, reserved: str | None, cost: Spend) -> None:
    """Enter a cost, and give back what was set aside for it."""
    c.execute("DELETE FROM reserves WHERE id = ?", (reserved,))
    c.execute("UPDATE spend SET calls = calls + ?, tokens = tokens + ?, usd = usd + ?", cost)


def spent(c: Connection) -> Spend:
    """What is spent, and set aside by those who live; changes nothing."""
    total = _total(c, "spend")
    for owner, *amount in c.execute("SELECT owner, calls, tokens, usd FROM reserves").fetchall():
        if _lives(c, owner, may_live):
            total = total + Spend(*amount)
    return total


def reap(c: Connection, lives: Lives) -> None:
    """Free all that is held by owners who live no more."""
    owners = c.execute(
        "SELECT owner FROM owners UNION SELECT owner FROM leases UNION SELECT owner FROM reserves"
    )
    for (owner,) in owners.fetchall():
        if not _lives(c, owner, lives):
            for table in ("leases", "reserves", "owners"):
                c.execute(f"DELETE FROM {table} WHERE owner = ?", (owner,))


def _passes(c: Connection, amount: Spend, limits: tuple[float, float, float]) -> bool:
    have = _total(c, "spend") + _total(c, "reserves") + amount
    return any(total > limit for total, limit in zip(have, limits, strict=True))


def _total(c: Connection, table: str) -> Spend:
    query = f"SELECT total(calls), total(tokens), total(usd) FROM {table}"
    calls, tokens, usd = c.execute(query).fetchone()
    return Spend(round(calls), round(tokens), usd)


def _sign(c: Connection, hold: Hold) -> None:
    expires = time.time() + hold.seconds
    c.execute("INSERT OR REPLACE INTO owners VALUES (?, ?)", (hold.owner, expires))


def _lives(c: Connection, owner: str, lives: Lives) -> bool:
    row = c.execute("SELECT expires FROM owners WHERE owner = ?", (owner,)).fetchone()
    return row is not None and row[0] > time.time() and lives(owner)
