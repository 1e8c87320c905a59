"""Where answers are kept: what a file on one machine and a server for several have in common."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gym_llmteacher.llm.reply import Reply

logger = logging.getLogger(__name__)


class Spend(NamedTuple):
    """An amount of requests, tokens and US dollars."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spend) -> Spend:  # type: ignore[override]
        return Spend(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Spend) -> Spend:
        return Spend(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


@dataclass(frozen=True)
class Record:
    """One question and its answer.

    :param created: seconds since 1970, UTC
    :param edited: whether a person has replaced what the model said
    """

    key: str
    model: str
    elicitation: str
    text: str
    prompt: list[dict[str, str]]
    reply: dict[str, Any]
    created: float = field(default_factory=time.time)
    edited: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """What the model said, sample by sample."""
        return tuple(str(text) for text in self.reply["texts"])


class Store(ABC):
    """Keeps answers, leases on questions and what was spent, for any number of processes.

    Trouble with an answer during training is logged once; the store then counts as empty. Trouble
    with money is raised: what cannot be counted is not spent.
    """

    path: str
    """What it is called, in messages; without a password."""

    @abstractmethod
    def check(self) -> None:
        """Open it.

        :raises AnswersFileError: it cannot be used; it is left as it is
        """

    @abstractmethod
    def get(self, key: str) -> Reply | None:
        """What was answered to this question, if it is known."""

    @abstractmethod
    def add(self, record: Record) -> Reply:
        """Store an answer, unless another process was faster; return the one that counts."""

    def put(
        self,
        key: str,
        reply: Reply,
        *,
        model: str,
        elicitation: str,
        text: str = "",
        messages: Sequence[Mapping[str, str]] = (),
        completes: bool = False,
    ) -> Reply:
        """Store a reply, unless another process was faster.

        :param completes: whether it takes the place of one with fewer samples
        :return: the answer that counts: the stored one
        """
        prompt = [dict(message) for message in messages]
        record = Record(key, model, elicitation, text, prompt, reply.as_dict())
        if not completes:
            return self.add(record)
        try:
            self.replace(record)
        except Exception as error:  # of whatever database; the reply is paid for and counts
            logger.warning("answers in %s: %s; going on without them", self.path, error)
        return reply

    def recall(self, name: str) -> str | None:
        """What was remembered under this name; never raises.

        A store that does not override this and `remember` keeps it in this process.
        """
        return _facts(self).get(name)

    def remember(self, name: str, value: str) -> None:
        """Keep a short text that is no answer, such as what a server takes; never raises."""
        _facts(self)[name] = value

    @abstractmethod
    def records(self) -> list[Record]:
        """Everything, oldest first."""

    @abstractmethod
    def insert(self, records: Iterable[Record]) -> int:
        """Add records whose keys are new, all or none; return how many."""

    @abstractmethod
    def replace(self, record: Record) -> None:
        """Put a record in the place of the one with the same key."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> int:
        """Delete records; return how many there were."""

    @abstractmethod
    def lease(self, key: str, owner: str, seconds: float, lives: Callable[[str], bool]) -> bool:
        """Lease a question for so many seconds, unless it is held by somebody who lives."""

    @abstractmethod
    def release(self, key: str, owner: str) -> None:
        """Give up a lease, if it is this owner's."""

    @abstractmethod
    def spend(self, amount: Spend, limits: tuple[float, float, float]) -> bool:
        """Add to what has been spent, in one step, unless that passes a limit.

        :param limits: of calls, tokens and US dollars; ``inf`` for none
        :return: whether it was added
        """

    @abstractmethod
    def spent(self) -> Spend:
        """What has been spent since it was made, by all processes."""

    @abstractmethod
    def close(self) -> None:
        """Close it; the next use opens it again."""

    @abstractmethod
    def __len__(self) -> int: ...


def _facts(store: Store) -> dict[str, str]:
    facts: dict[str, str] = store.__dict__.setdefault("_facts", {})
    return facts
