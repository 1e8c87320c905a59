"""Where answers are kept: what a file on one machine and a server for several have in common."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply

Lives = Callable[[str], bool]
"""Whether the process behind an owner may still be running."""

_PAGE = 500


class Spend(NamedTuple):
    """An amount of requests, tokens and US dollars."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spend) -> Spend:  # type: ignore[override]
        return Spend(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Spend) -> Spend:
        return Spend(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


class Totals(NamedTuple):
    """What the answers of one model to one kind of question took."""

    model: str
    elicitation: str
    answers: int = 0
    tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Hold:
    """Somebody who leases questions and sets amounts aside.

    :param owner: its name (`gym_llmteacher.llm.owner`)
    :param seconds: how long it is believed to live without a sign of life (`Store.renew`)
    :param lives: whether the process behind another owner may still be running
    """

    owner: str
    seconds: float
    lives: Lives


@dataclass(frozen=True)
class Find:
    """Which records are meant, and in what order.

    :param key: beginning of the key
    :param model: name of the model
    :param text: words that the situation or the prompt contains
    :param tasks: the prompt contains one of these (all records, if there are none)
    :param since: created after this, seconds since 1970, UTC
    :param order: by ``"created"``, ``"model"``, ``"text"`` or ``"tokens"``
    :param newest: the last of this order first
    """

    key: str = ""
    model: str | None = None
    text: str = ""
    tasks: tuple[str, ...] = ()
    since: float = -1.0
    order: Literal["created", "model", "text", "tokens"] = "created"
    newest: bool = False


ALL = Find()


class Store(ABC):
    """Keeps answers, leases on questions, and the books, for any number of processes.

    Trouble is raised, as `AnswersFileError`; `gym_llmteacher.llm.keeper.Keeper` goes on without it
    where that can be done. Reading never waits for anybody who writes.
    """

    path: str
    """What it is called, in messages; without a password."""

    @abstractmethod
    def check(self, writes: bool = True) -> None:
        """Open it.

        :param writes: whether anything will be written
        :raises AnswersFileError: it cannot be used; it is left as it is
        """

    @abstractmethod
    def get(self, key: str) -> Reply | None:
        """What was answered to this question, if it is known.

        What is there and cannot be read counts as not there; that is logged once.
        """

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

    def add(self, record: Record) -> Reply:
        """Store an answer, unless another process was faster; return the one that counts."""
        if not self.insert([record]):
            known = self.get(record.key)
            # What is there cannot be read by anybody, or has fewer samples.
            if known is None or known.missing > Reply.from_dict(record.reply).missing:
                self.replace(record)
        return self.get(record.key) or Reply.from_dict(record.reply)

    def recall(self, name: str) -> str | None:
        """What was remembered under this name; by default, in this process."""
        return _facts(self).get(name)

    def remember(self, name: str, value: str) -> None:
        """Keep a short text that is no answer, such as what a server takes."""
        _facts(self)[name] = value

    @abstractmethod
    def page(self, find: Find = ALL, skip: int = 0, most: int = _PAGE) -> list[Record]:
        """Some of the records, in order; those that cannot be read are left out.

        :param skip: how many come before
        """

    @abstractmethod
    def records(self, find: Find = ALL) -> Iterator[Record]:
        """All of them, oldest first; however many there are, a few are in memory at a time."""

    def totals(self) -> list[Totals]:
        """What the answers took, by model and kind of question."""
        sums: dict[tuple[str, str], Totals] = {}
        for record in self.records():
            name, reply = (record.model, record.elicitation), Reply.from_dict(record.reply)
            _, _, answers, tokens, usd, seconds = sums.get(name, Totals(*name))
            tokens += reply.prompt_tokens + reply.completion_tokens
            sums[name] = Totals(
                *name, answers + 1, tokens, usd + reply.cost_usd, seconds + reply.seconds
            )
        return [sums[name] for name in sorted(sums)]

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
    def lease(self, key: str, hold: Hold) -> bool:
        """Lease a question, unless it is held by somebody who lives, or nobody can write now."""

    @abstractmethod
    def release(self, key: str, hold: Hold) -> None:
        """Give up a lease, if it is this owner's."""

    @abstractmethod
    def renew(self, hold: Hold) -> None:
        """Say that this owner lives; what those held who live no more is free again."""

    @abstractmethod
    def reserve(
        self, amount: Spend, limits: tuple[float, float, float], hold: Hold, seconds: float
    ) -> str | None:
        """Set an amount aside for this owner, in one step, unless that passes a limit.

        :param limits: of calls, tokens and US dollars; ``inf`` for none. What has been spent
            counts, and what all who live have set aside
        :param seconds: how long to wait for somebody else who writes
        :return: a name for it, to be given to `settle`; ``None`` if it passes a limit
        """

    @abstractmethod
    def settle(self, reserved: str | None, cost: Spend) -> None:
        """Enter what something did cost, and give back what was set aside for it."""

    @abstractmethod
    def spent(self) -> Spend:
        """What has been spent since it was made, by all processes.

        What those who live have set aside counts: it may be spent at this moment.
        """

    @abstractmethod
    def close(self) -> None:
        """Close it; the next use opens it again."""

    @abstractmethod
    def __len__(self) -> int: ...

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


def _facts(store: Store) -> dict[str, str]:
    facts: dict[str, str] = store.__dict__.setdefault("_facts", {})
    return facts
