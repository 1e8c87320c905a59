"""Never spend more than was allowed: checked, and taken, before each request."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.errors import (
    AnswersFileError,
    BudgetSpentError,
    NotAskedError,
    TeacherSpecError,
)
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.llm.reply import counted
from gym_llmteacher.llm.store import Spend

logger = logging.getLogger(__name__)
_NAMES = ("calls", "tokens", "usd")
# What a server reports, by the most the request should have cost: an estimate, of words in any
# language, by a tokenizer that is not known. Nothing honest is off by so much.
_ABSURD = 100
_PATIENCE = 5.0  # seconds


@dataclass(frozen=True)
class Limits:
    """What may be spent; ``inf`` where there is no limit.

    :param calls: requests sent, failed ones included
    :param tokens: tokens sent and received
    :param usd: US dollars, by litellm's price list or the prices in the model's dict
    :raises TeacherSpecError: a negative limit, or one that is no number

    >>> Limits(calls=100).calls
    100
    """

    calls: float = math.inf
    tokens: float = math.inf
    usd: float = math.inf

    def __post_init__(self) -> None:
        for name in _NAMES:
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or math.isnan(value) or value < 0:
                raise TeacherSpecError(
                    f"the budget's {name} is {value!r}, expected a number of 0 or more."
                )

    @classmethod
    def of(cls, spec: Limits | Mapping[str, float] | None) -> Limits:
        """Read what a user wrote.

        :raises TeacherSpecError: it has other names than these
        """
        if isinstance(spec, Limits):
            return spec
        unknown = sorted(set(spec or {}) - set(_NAMES))
        if unknown:
            raise TeacherSpecError(
                f"a budget has {', '.join(unknown)}, expected some of {', '.join(_NAMES)}."
            )
        return cls(**(spec or {}))


@dataclass(frozen=True)
class Taken:
    """What was set aside for a request.

    :param most: what it may cost
    :param name: of what was set aside in the store
    """

    most: Spend
    name: str = ""

    @property
    def tokens(self) -> int:
        """Tokens sent and received."""
        return self.most.tokens


class Budget(Locked):
    """Limits on what is spent with one store by all processes, or by this object alone.

    Each request first takes what it may cost at most; afterwards what it did not cost is given
    back. So the limits hold exactly, with any number of threads and processes, and are never
    overspent by more than a wrong estimate of one request. What a process had taken when it died
    is given back by the others.

    :param limits: on all that is spent with the store, by all processes, since it was made
    :param process_limits: on what is spent through this object; a copy in another process counts by
        itself
    :param keeper: of the store

    Example::

        >>> budget = Budget(process_limits=Limits(calls=1))
        >>> taken = budget.take(Spend(1, 50, 0.001))
        >>> budget.settle(taken, Spend(1, 40, 0.0008)); budget.spent.tokens
        40
        >>> budget.take(Spend(1, 50, 0.001))
        Traceback (most recent call last):
        gym_llmteacher.errors.BudgetSpentError: this process's budget: 1 calls spent of 1; ...
    """

    def __init__(
        self,
        limits: Limits | Mapping[str, float] | None = None,
        process_limits: Limits | Mapping[str, float] | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        super().__init__()
        self.limits = Limits.of(limits)
        self.process_limits = Limits.of(process_limits)
        self.keeper = keeper
        if keeper is None and self.limits != Limits():
            raise TeacherSpecError("limits were given without a store; expected keeper=...")
        self.spent = Spend()
        self._told = False

    def take(self, most: Spend, seconds: float = _PATIENCE) -> Taken:
        """Set aside what a request may cost at most.

        :param seconds: how long to wait for others who write to the store
        :raises BudgetSpentError: it could cost more than is left; nothing is set aside then
        :raises NotAskedError: there are limits, and the store cannot be asked what is spent
        """
        with self._lock:
            _check("this process", self.spent, most, self.process_limits)
            self.spent = self.spent + most
        try:
            return Taken(most, self._reserve(most, seconds))
        except BaseException:
            with self._lock:
                self.spent = self.spent - most
            raise

    def _reserve(self, most: Spend, seconds: float) -> str:
        if self.keeper is None:
            return ""
        limits = (self.limits.calls, self.limits.tokens, self.limits.usd)
        try:
            # Without limits this only keeps the books: nobody has to wait for that.
            patience = seconds if self.limits != Limits() else min(seconds, 0.5)
            name = self.keeper.reserve(most, limits, patience)
            if name is not None:
                return name
            spent = self.keeper.store.spent()
        except AnswersFileError as error:
            # What cannot be counted is not spent.
            why = f"the budget cannot be looked up: {error}"
            raise NotAskedError(why, Abstention.OVER_BUDGET) from None
        _check(f"answers file {self.keeper.store.path}", spent, most, self.limits, surely=True)
        raise AssertionError("unreachable")

    def settle(self, taken: Taken, cost: Spend) -> None:
        """Replace what was set aside by what it did cost.

        :param cost: as the server reports it: what cannot be is replaced by what can
        """
        cost = self._plausible(taken.most, cost)
        with self._lock:
            self.spent = self.spent - taken.most + cost
        if self.keeper is not None:
            self.keeper.settle(taken.name, cost)

    def _plausible(self, most: Spend, cost: Spend) -> Spend:
        calls, tokens, usd = (counted(part) for part in cost)
        absurd = tokens > _ABSURD * most.tokens or (most.usd > 0 and usd > _ABSURD * most.usd)
        if most != Spend() and most.tokens and (absurd or (calls, tokens, usd) != tuple(cost)):
            if not self._told:
                self._told = True
                logger.warning(
                    "the server reports that a request took %r tokens and %r US dollars, where at "
                    "most %d and %g were to be expected; the most that can be is counted",
                    cost.tokens, cost.usd, most.tokens, most.usd,
                )  # fmt: skip
            return Spend(int(calls), most.tokens, most.usd)
        return Spend(int(calls), int(tokens), usd)

    def left(self) -> float:
        """Share of the tightest limit that is left, in [0, 1]; 1 where there is no limit.

        >>> budget = Budget(process_limits=Limits(calls=4))
        >>> _ = budget.take(Spend(1)); budget.left()
        0.75
        """
        with self._lock:
            shares = [_left(self.spent, self.process_limits)]
        if self.keeper is not None and self.limits != Limits():
            try:
                shares.append(_left(self.keeper.store.spent(), self.limits))
            except AnswersFileError:
                shares.append(0.0)
        return min(shares)


def _left(spent: Spend, limits: Limits) -> float:
    pairs = ((getattr(spent, name), getattr(limits, name)) for name in _NAMES)
    return min(max(0.0, 1 - have / limit) if limit > 0 else 0.0 for have, limit in pairs)


def _check(scope: str, spent: Spend, most: Spend, limits: Limits, surely: bool = False) -> None:
    for name, unit in (("calls", "calls"), ("tokens", "tokens"), ("usd", "US dollars")):
        have, more, limit = getattr(spent, name), getattr(most, name), getattr(limits, name)
        if have + more > limit:
            raise BudgetSpentError(
                f"{scope}'s budget: {have:g} {unit} spent of {limit:g}; the next request may take "
                f"{more:g}, so it was not made. The teacher abstains on what it has not been "
                "asked before. Raise the limit to go on asking."
            )
    if surely:  # another process was faster by a moment
        raise BudgetSpentError(f"{scope}'s budget is spent; the request was not made.")
