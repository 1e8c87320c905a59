"""Answers in Redis, for several machines: the same promises as the file's, kept by the server.

Each is one command, script or transaction, which Redis carries out without anything in between.
Whether the answers outlive the server is for its own settings to say (``appendonly yes``).
"""

from __future__ import annotations

import functools
import heapq
import importlib
import json
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, TypeVar

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm import redis_scripts as scripts
from gym_llmteacher.llm.owner import may_live
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.redact import redact
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.store import ALL, Find, Hold, Spend, Store
from gym_llmteacher.shown import shown

logger = logging.getLogger(__name__)
T = TypeVar("T")

_PREFIX = "gym_llmteacher:2:"
_ANSWERS, _CREATED = _PREFIX + "answers", _PREFIX + "created"
_SPENT, _RESERVES = _PREFIX + "spent", _PREFIX + "reserves"
_FACTS = _PREFIX + "facts"
_LEASE, _OWNER = _PREFIX + "lease:", _PREFIX + "owner:"
_NO_LIMIT = 1e300
_SECONDS = 1.0  # until a server that does not answer counts as gone
_PAGE = 500
_ORDERS: dict[str, Callable[[Record], Any]] = {
    "created": lambda r: (r.created, r.key),
    "model": lambda r: (r.model, r.key),
    "text": lambda r: (r.text, r.key),
    "tokens": lambda r: (r.reply["prompt_tokens"] + r.reply["completion_tokens"], r.key),
}


def _asked(method: Callable[..., T]) -> Callable[..., T]:
    """Have trouble with the server raised as an error of ours, without a password."""

    @functools.wraps(method)
    def asked(self: RedisAnswers, *args: Any, **kwargs: Any) -> T:
        try:
            return method(self, *args, **kwargs)
        except (self._redis.RedisError, OSError) as error:
            raise self._trouble(error) from None

    return asked


class RedisAnswers(Store):
    """Answers in Redis; connects when it is first needed.

    :param url: ``redis://[:password@]host:port/0``, as redis-py takes it
    :raises AnswersFileError: the client is not installed, or this is no such address

    Example (with a server)::

        teacher = LLMTeacher("openai/gpt-4o-mini", answers="redis://cache.example:6379/0")
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.path = redact(url, frozenset())
        try:
            self._redis: Any = importlib.import_module("redis")
        except ImportError:
            raise AnswersFileError(
                f"answers in {self.path} need the Redis client, which is not installed. Cure: pip "
                "install 'gym-llmteacher[redis]'."
            ) from None
        self._client = self._connected()
        self._told_of_bad_rows = False

    def _connected(self) -> Any:
        scheme, _, rest = self._url.partition("://")
        database = rest.partition("?")[0].rpartition("@")[2].partition("/")[2]
        try:
            if scheme != "unix" and database and not database.isdigit():
                raise ValueError
            # Once more, since a connection may have grown old; not the client's ten times.
            retry = self._redis.retry.Retry(self._redis.backoff.NoBackoff(), 1)
            client = self._redis.Redis.from_url(
                self._url, decode_responses=True, socket_timeout=_SECONDS,
                socket_connect_timeout=_SECONDS, retry=retry,
            )  # fmt: skip
            client.connection_pool.make_connection()  # refuses unknown options; sends nothing
            return client
        except (ValueError, TypeError):  # its message may have the password in it
            raise AnswersFileError(
                f"answers in {scheme}://...: that is no address of a Redis server; expected "
                "redis://[:password@]host:port/0. Cure: write special characters of the password "
                "as %XX."
            ) from None

    def _trouble(self, error: Exception) -> AnswersFileError:
        return AnswersFileError(
            f"answers in {self.path}: {shown(redact(str(error), frozenset()))}; expected a Redis "
            "server. Cure: start it, or correct the address."
        )

    @_asked
    def check(self, writes: bool = True) -> None:
        """Ask the server for a sign of life.

        :raises AnswersFileError: there is none
        """
        self._client.ping()

    @_asked
    def get(self, key: str) -> Reply | None:
        """What was answered to this question, if it is known."""
        record = self._record(key, self._client.hget(_ANSWERS, key))
        return None if record is None else Reply.from_dict(record.reply)

    def _record(self, key: str, found: str | None) -> Record | None:
        if found is None:
            return None
        try:
            return Record.from_dict(json.loads(found))
        except (ValueError, RecursionError) as error:
            if not self._told_of_bad_rows:
                self._told_of_bad_rows = True
                logger.warning(
                    "answers in %s: the one with the key %s cannot be read (%s); it counts as not "
                    "there, and so do others like it", self.path, shown(key), shown(str(error)),
                )  # fmt: skip
            return None

    @_asked
    def recall(self, name: str) -> str | None:
        """What was remembered under this name."""
        found: str | None = self._client.hget(_FACTS, name)
        return found

    @_asked
    def remember(self, name: str, value: str) -> None:
        """Keep a short text that is no answer."""
        self._client.hset(_FACTS, name, value)

    @_asked
    def page(self, find: Find = ALL, skip: int = 0, most: int = _PAGE) -> list[Record]:
        """Some of the records, in order; those that cannot be read are left out."""
        if find.order == "created" and not find.newest:
            return list(islice(self._stream(find), skip, skip + most))
        pick = heapq.nlargest if find.newest else heapq.nsmallest
        return pick(skip + most, self._stream(find), key=_ORDERS[find.order])[skip:]

    def records(self, find: Find = ALL) -> Iterator[Record]:
        """All of them, oldest first; however many there are, a few are in memory at a time."""
        stream = self._stream(find)
        while True:
            try:
                record = next(stream)
            except StopIteration:
                return
            except self._redis.RedisError as error:
                raise self._trouble(error) from None
            yield record

    def _stream(self, find: Find) -> Iterator[Record]:
        seen = 0
        while keys := self._client.zrange(_CREATED, seen, seen + _PAGE - 1):
            seen += len(keys)
            for key, found in zip(keys, self._client.hmget(_ANSWERS, keys), strict=True):
                record = self._record(key, found)
                if record is not None and _matches(record, find):
                    yield record

    @_asked
    def insert(self, records: Iterable[Record]) -> int:
        """Add records whose keys are new, all or none; return how many."""
        with self._client.pipeline(transaction=True) as pipe:
            rest = iter(records)
            while some := list(islice(rest, _PAGE)):
                parts = (p for r in some for p in (r.key, repr(r.created), json.dumps(asdict(r))))
                pipe.eval(scripts.INSERT, 2, _ANSWERS, _CREATED, *parts)
            return sum(pipe.execute())

    @_asked
    def replace(self, record: Record) -> None:
        """Put a record in the place of the one with the same key."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(_ANSWERS, record.key, json.dumps(asdict(record)))
            pipe.zadd(_CREATED, {record.key: record.created})
            pipe.execute()

    @_asked
    def delete(self, keys: Iterable[str]) -> int:
        """Delete records; return how many there were."""
        with self._client.pipeline(transaction=True) as pipe:
            rest = iter(keys)
            while some := list(islice(rest, _PAGE)):
                pipe.hdel(_ANSWERS, *some)
                pipe.zrem(_CREATED, *some)
            return sum(pipe.execute()[::2])

    @_asked
    def lease(self, key: str, hold: Hold) -> bool:
        """Lease a question, unless it is held by somebody who lives."""
        milliseconds, dead = round(1000 * hold.seconds), ""
        while True:
            holder = self._client.eval(
                scripts.LEASE, 1, _LEASE + key, hold.owner, milliseconds, _OWNER, dead
            )
            if holder == "":
                return True
            if holder == dead or hold.lives(holder):
                return False
            dead = holder  # and once more, unless somebody is faster

    @_asked
    def release(self, key: str, hold: Hold) -> None:
        """Give up a lease, if it is this owner's."""
        self._client.eval(scripts.RELEASE, 1, _LEASE + key, hold.owner)

    @_asked
    def renew(self, hold: Hold) -> None:
        """Say that this owner lives; leases and amounts of one that does not end by themselves."""
        self._client.set(_OWNER + hold.owner, 1, px=round(1000 * hold.seconds))

    @_asked
    def reserve(
        self,
        amount: Spend,
        limits: tuple[float, float, float],
        hold: Hold,
        seconds: float = _SECONDS,
    ) -> str | None:
        """Set an amount aside for this owner, in one step, unless that passes a limit."""
        name = uuid.uuid4().hex
        amounts = [repr(float(part)) for part in amount]
        most = [repr(min(float(limit), _NO_LIMIT)) for limit in limits]
        given = (_OWNER, hold.owner, round(1000 * hold.seconds), name, *amounts, *most)
        if self._client.eval(scripts.RESERVE, 2, _SPENT, _RESERVES, *given):
            return name
        dead = {owner for owner, _ in self._reserved() if not hold.lives(owner)}
        if dead and self._client.eval(scripts.RESERVE, 2, _SPENT, _RESERVES, *given, *dead):
            return name
        return None

    @_asked
    def settle(self, reserved: str | None, cost: Spend) -> None:
        """Enter what something did cost, and give back what was set aside for it."""
        parts = [repr(float(part)) for part in cost]
        self._client.eval(scripts.SETTLE, 2, _SPENT, _RESERVES, reserved or "", *parts)

    def _reserved(self) -> list[tuple[str, Spend]]:
        found = [value.split("\n") for value in self._client.hvals(_RESERVES)]
        return [(o, Spend(round(float(c)), round(float(t)), float(u))) for o, c, t, u in found]

    @_asked
    def spent(self) -> Spend:
        """What has been spent since the database was empty, by all processes."""
        found = self._client.hgetall(_SPENT)
        calls, tokens, usd = (float(found.get(name, 0)) for name in Spend._fields)
        total = Spend(round(calls), round(tokens), usd)
        for owner, amount in self._reserved():
            if may_live(owner) and self._client.exists(_OWNER + owner):
                total = total + amount
        return total

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._client.close()

    @_asked
    def __len__(self) -> int:
        return int(self._client.hlen(_ANSWERS))

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self._url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["url"])  # type: ignore[misc]


def _matches(record: Record, find: Find) -> bool:
    return (
        record.key.startswith(find.key)
        and find.model in (None, record.model)
        and record.created > find.since
        and (find.text in record.text or _in_prompt(find.text, record))
        and (not find.tasks or any(_in_prompt(task, record) for task in find.tasks))
    )


def _in_prompt(words: str, record: Record) -> bool:
    return any(words in message["content"] for message in record.prompt)
