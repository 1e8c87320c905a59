"""How a student does, by skill and by configuration."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gym_llmteacher.curriculum.space import Configuration, key_of
from gym_llmteacher.intervals import wilson


class Rate(NamedTuple):
    """A share of successes, with its 95 % interval (Wilson's).

    >>> rate = Rate.of(9, 10)
    >>> round(rate.success, 2), round(rate.low, 2), round(rate.high, 2)
    (0.9, 0.6, 0.98)
    """

    success: float
    low: float
    high: float
    episodes: int

    @classmethod
    def of(cls, won: int, n: int) -> Rate:
        """Of so many successes in so many episodes; of none, nothing is known."""
        if not n:
            return cls(math.nan, 0.0, 1.0, 0)
        low, high = wilson(won, n)
        return cls(won / n, low, high, n)

    def above(self, other: Rate) -> bool:
        """Whether it is higher by more than noise: each is outside the other's interval.

        >>> Rate.of(9, 20).above(Rate.of(2, 20)), Rate.of(1, 20).above(Rate.of(0, 20))
        (True, False)
        """
        return self.low > other.success and other.high < self.success


def rates(outcomes: Iterable[tuple[str, bool]]) -> dict[str, Rate]:
    """Rates by name.

    >>> {name: rate.success for name, rate in rates([("a", True), ("a", False)]).items()}
    {'a': 0.5}
    """
    counts: dict[str, list[int]] = {}
    for name, won in outcomes:
        count = counts.setdefault(name, [0, 0])
        count[0] += won
        count[1] += 1
    return {name: Rate.of(*count) for name, count in counts.items()}


def risen(before: Mapping[str, Rate], now: Mapping[str, Rate]) -> set[str]:
    """Names of which the rate is above what it was, by more than noise.

    >>> risen({"a": Rate.of(0, 9), "b": Rate.of(4, 9)}, {"a": Rate.of(3, 9), "b": Rate.of(5, 9)})
    {'a'}
    """
    return {name for name in now if name in before and now[name].above(before[name])}


@dataclass(frozen=True)
class Report:
    """What a writer is told.

    :param cycle: number of the cycle that comes, from 0
    :param skills: success in the original env, by skill
    :param configurations: success by key of a configuration, wherever it was measured last
    :param mix: the configurations of the cycle that is over
    :param originals: those that count in the end
    """

    cycle: int
    skills: Mapping[str, Rate] = field(default_factory=dict)
    configurations: Mapping[str, Rate] = field(default_factory=dict)
    mix: tuple[Configuration, ...] = ()
    originals: tuple[Configuration, ...] = ()

    def success(self, configuration: Mapping[str, Any]) -> float:
        """Success of the student there; 0 where nothing is known."""
        rate = self.configurations.get(key_of(configuration))
        return rate.success if rate is not None and rate.episodes else 0.0
