"""Answers in Redis, for several machines: the same promises as the file's, kept by the server.

Each is one command or one script, which Redis carries out without anything in between. Whether the
answers outlive the server is for its own settings to say (``appendonly yes``).
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.redact import redact
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.store import Record, Spend, Store

logger = logging.getLogger(__name__)

_PREFIX = "gym_llmteacher:1:"
_ANSWERS, _SPENT, _LEASE = _PREFIX + "answers", _PREFIX + "spent", _PREFIX + "lease:"
_FACTS = _PREFIX + "facts"
_NO_LIMIT = 1e300

_SPEND = """
local names = {'calls', 'tokens', 'usd'}
for i, name in ipairs(names) do
    local have = tonumber(redis.call('HGET', KEYS[1], name) or '0')
    if have + tonumber(ARGV[i]) > tonumber(ARGV[i + 3]) then return 0 end
end
for i, name in ipairs(names) do redis.call('HINCRBYFLOAT', KEYS[1], name, ARGV[i]) end
return 1
"""
_INSERT = """
local added = 0
for i = 1, #ARGV, 2 do added = added + redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
return added
"""
# Take a lease from a known holder, or give it up: only if it is still theirs.
_TAKE_OVER = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisAnswers(Store):
    """Answers in Redis; connects when it is first needed.

    :param url: ``redis://[:password@]host:port/0``, as redis-py takes it
    :raises AnswersFileError: the client is not installed

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
        self._client = self._redis.Redis.from_url(url, decode_responses=True)
        self._warned = False

    def check(self) -> None:
        """Ask the server for a sign of life.

        :raises AnswersFileError: there is none
        """
        try:
            self._client.ping()
        except self._redis.RedisError as error:
            raise AnswersFileError(
                f"answers in {self.path}: {redact(str(error), frozenset())}; expected a Redis "
                "server. Cure: start it, or correct the address."
            ) from None

    def get(self, key: str) -> Reply | None:
        """What was answered to this question, if it is known."""
        try:
            found = self._client.hget(_ANSWERS, key)
            return None if found is None else Reply.from_dict(json.loads(found)["reply"])
        except (self._redis.RedisError, KeyError, TypeError, ValueError) as error:
            self._warn(error)
            return None

    def add(self, record: Record) -> Reply:
        """Store an answer, unless another process was faster; return the one that counts."""
        try:
            self.insert([record])
        except self._redis.RedisError as error:
            self._warn(error)
        return self.get(record.key) or Reply.from_dict(record.reply)

    def recall(self, name: str) -> str | None:
        """What was remembered under this name."""
        try:
            found: str | None = self._client.hget(_FACTS, name)
            return found
        except self._redis.RedisError as error:
            self._warn(error)
            return None

    def remember(self, name: str, value: str) -> None:
        """Keep a short text that is no answer."""
        try:
            self._client.hset(_FACTS, name, value)
        except self._redis.RedisError as error:
            self._warn(error)

    def records(self) -> list[Record]:
        """Everything, oldest first."""
        found = [Record(**json.loads(value)) for value in self._client.hvals(_ANSWERS)]
        return sorted(found, key=lambda record: (record.created, record.key))

    def insert(self, records: Iterable[Record]) -> int:
        """Add records whose keys are new, all or none; return how many."""
        pairs = [part for record in records for part in (record.key, json.dumps(asdict(record)))]
        return int(self._client.eval(_INSERT, 1, _ANSWERS, *pairs))

    def replace(self, record: Record) -> None:
        """Put a record in the place of the one with the same key."""
        self._client.hset(_ANSWERS, record.key, json.dumps(asdict(record)))

    def delete(self, keys: Iterable[str]) -> int:
        """Delete records; return how many there were."""
        known = list(keys)
        return int(self._client.hdel(_ANSWERS, *known)) if known else 0

    def lease(self, key: str, owner: str, seconds: float, lives: Callable[[str], bool]) -> bool:
        """Lease a question for so many seconds, unless it is held by somebody who lives."""
        name, milliseconds = _LEASE + key, max(1, round(1000 * seconds))
        if self._client.set(name, owner, nx=True, px=milliseconds):
            return True
        holder = self._client.get(name)
        if holder is None or lives(holder):
            return False
        return bool(self._client.eval(_TAKE_OVER, 1, name, holder, owner, milliseconds))

    def release(self, key: str, owner: str) -> None:
        """Give up a lease, if it is this owner's."""
        self._client.eval(_RELEASE, 1, _LEASE + key, owner)

    def spend(self, amount: Spend, limits: tuple[float, float, float]) -> bool:
        """Add to what has been spent, in one step, unless that passes a limit."""
        most = [repr(min(float(limit), _NO_LIMIT)) for limit in limits]
        added = [repr(float(part)) for part in amount]
        return bool(self._client.eval(_SPEND, 1, _SPENT, *added, *most))

    def spent(self) -> Spend:
        """What has been spent since the database was empty, by all processes."""
        found = self._client.hgetall(_SPENT)
        calls, tokens, usd = (float(found.get(name, 0)) for name in Spend._fields)
        return Spend(round(calls), round(tokens), usd)

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._client.close()

    def __len__(self) -> int:
        return int(self._client.hlen(_ANSWERS))

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self._url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["url"])  # type: ignore[misc]

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            logger.warning("answers in %s: %s; going on without them", self.path, error)
