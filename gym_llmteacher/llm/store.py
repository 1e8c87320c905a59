"""Where answers are kept: what a file on one machine and a server for several have in common."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gym_llmteacher.llm.reply import Reply


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
    ) -> Reply:
        """Store a reply, unless another process was faster.

        :return: the answer that counts: the stored one
        """
        prompt = [dict(message) for message in messages]
        return self.add(Record(key, model, elicitation, text, prompt, reply.as_dict()))

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
