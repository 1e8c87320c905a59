"""Never spend more than was allowed: checked, and taken, before each request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gym_llmteacher.errors import BudgetSpentError, TeacherSpecError
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.llm.store import Spend, Store


@dataclass(frozen=True)
class Limits:
    """What may be spent; ``inf`` where there is no limit.

    :param calls: requests sent, failed ones included
    :param tokens: tokens sent and received
    :param usd: US dollars, by litellm's price list
    :raises TeacherSpecError: a negative limit, or one that is no number

    >>> Limits(calls=100).calls
    100
    """

    calls: float = math.inf
    tokens: float = math.inf
    usd: float = math.inf

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "usd"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or math.isnan(value) or value < 0:
                raise TeacherSpecError(
                    f"the budget's {name} is {value!r}, expected a number of 0 or more."
                )


class Budget(Locked):
    """Limits on what one run spends, or on what all runs with one answers file spend.

    Each request first takes what it may cost at most; afterwards what it did not cost is given
    back. So the limits hold exactly, with any number of threads and (in the file's scope) of
    processes, and are never overspent by more than a wrong estimate of one request.

    :param limits: per run: since this object was made
    :param file_limits: per answers file: since the file was made, by all processes
    :param answers: that file

    Example::

        >>> budget = Budget(Limits(calls=1))
        >>> taken = budget.take(Spend(1, 50, 0.001))
        >>> budget.settle(taken, Spend(1, 40, 0.0008)); budget.spent.tokens
        40
        >>> budget.take(Spend(1, 50, 0.001))
        Traceback (most recent call last):
        gym_llmteacher.errors.BudgetSpentError: this run's budget: 1 calls spent of 1; ...
    """

    def __init__(
        self,
        limits: Limits | Mapping[str, float] | None = None,
        file_limits: Limits | Mapping[str, float] | None = None,
        answers: Store | None = None,
    ) -> None:
        super().__init__()
        self.limits = _limits(limits)
        self.file_limits = _limits(file_limits)
        self.answers = answers
        if answers is None and self.file_limits != Limits():
            raise TeacherSpecError(
                "file_limits were given without an answers file; expected answers=..."
            )
        self.spent = Spend()

    def take(self, most: Spend) -> Spend:
        """Set aside what a request may cost at most.

        :raises BudgetSpentError: it could cost more than is left; nothing is set aside then
        """
        with self._lock:
            _check("this run", self.spent, most, self.limits)
            self.spent = self.spent + most
        if self.answers is not None:
            limits = (self.file_limits.calls, self.file_limits.tokens, self.file_limits.usd)
            if not self.answers.spend(most, limits):
                with self._lock:
                    self.spent = self.spent - most
                _check(f"answers file {self.answers.path}", self.answers.spent(), most,
                       self.file_limits, surely=True)  # fmt: skip
        return most

    def settle(self, taken: Spend, cost: Spend) -> None:
        """Replace what was set aside by what it did cost."""
        with self._lock:
            self.spent = self.spent - taken + cost
        if self.answers is not None:
            self.answers.spend(cost - taken, (math.inf, math.inf, math.inf))

    def left(self) -> float:
        """Share of the tightest limit that is left, in [0, 1]; 1 where there is no limit.

        >>> budget = Budget(Limits(calls=4))
        >>> _ = budget.take(Spend(1)); budget.left()
        0.75
        """
        with self._lock:
            shares = [_left(self.spent, self.limits)]
        if self.answers is not None and self.file_limits != Limits():
            shares.append(_left(self.answers.spent(), self.file_limits))
        return min(shares)


def _left(spent: Spend, limits: Limits) -> float:
    pairs = ((getattr(spent, name), getattr(limits, name)) for name in ("calls", "tokens", "usd"))
    return min(max(0.0, 1 - have / limit) if limit > 0 else 0.0 for have, limit in pairs)


def _limits(spec: Limits | Mapping[str, float] | None) -> Limits:
    if isinstance(spec, Limits):
        return spec
    unknown = sorted(set(spec or {}) - {"calls", "tokens", "usd"})
    if unknown:
        raise TeacherSpecError(
            f"a budget has {', '.join(unknown)}, expected some of calls, tokens, usd."
        )
    return Limits(**(spec or {}))


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
