"""Who proposes the next configurations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gym_llmteacher.curriculum.report import Report
from gym_llmteacher.curriculum.space import Configuration, ConfigurationSpace, key_of
from gym_llmteacher.errors import CurriculumError


class Writer(ABC):
    """Proposes configurations; what is not of the space is left out by the curriculum."""

    @abstractmethod
    def propose(
        self, report: Report, space: ConfigurationSpace, n: int, rng: np.random.Generator
    ) -> list[Configuration]:
        """At most ``n`` configurations for the next cycle; ``[]``: the originals alone."""


class RandomWriter(Writer):
    """Draws them from the space."""

    def propose(
        self, report: Report, space: ConfigurationSpace, n: int, rng: np.random.Generator
    ) -> list[Configuration]:
        return [space.sample(rng) for _ in range(n)]


class EasyToHard(Writer):
    """A list written beforehand, from easy to hard: a window of it moves on as they are solved.

    :param ladder: configurations, the easiest first
    :param solved: success from which on the next one comes
    :raises CurriculumError: an empty list

    >>> writer = EasyToHard([{"size": 5}, {"size": 6}, {"size": 8}])
    >>> space = ConfigurationSpace({"size": {"enum": [5, 6, 8]}})
    >>> writer.propose(Report(0), space, 2, np.random.default_rng(0))
    [{'size': 5}, {'size': 6}]
    """

    def __init__(self, ladder: Sequence[Configuration], solved: float = 0.8) -> None:
        if not ladder:
            raise CurriculumError("the ladder is empty, expected configurations, easy ones first.")
        self.ladder, self.solved = list(ladder), float(solved)

    def propose(
        self, report: Report, space: ConfigurationSpace, n: int, rng: np.random.Generator
    ) -> list[Configuration]:
        left = [one for one in self.ladder if report.success(one) < self.solved]
        return (left or self.ladder[-1:])[:n]


class Adversarial(Writer):
    """Goes where the student does worst: the worse half of the mix stays, the rest is varied."""

    def propose(
        self, report: Report, space: ConfigurationSpace, n: int, rng: np.random.Generator
    ) -> list[Configuration]:
        worst = sorted(report.mix, key=report.success)[: max(1, n // 2)]
        if not worst:
            return [space.sample(rng) for _ in range(n)]
        varied = [space.changed(worst[i % len(worst)], rng) for i in range(n - len(worst))]
        return worst + varied


class Gap(Writer):
    """Prefers what the teacher can do and the student cannot yet (TAPIR, arXiv 2405.13448).

    :param teacher: success of the teacher by itself: a function of a configuration, or a mapping
        from keys (`key_of`) to shares
    :param candidates: what to choose among; ``None``: the mix, the originals, and ``4 * n`` drawn
        from the space

    >>> writer = Gap(lambda one: 1.0 if one["size"] < 8 else 0.1, [{"size": n} for n in (5, 6, 8)])
    >>> from gym_llmteacher.curriculum.report import Rate
    >>> report = Report(1, configurations={key_of({"size": 5}): Rate.of(9, 10)})
    >>> space = ConfigurationSpace({"size": {"enum": [5, 6, 8]}})
    >>> writer.propose(report, space, 1, np.random.default_rng(0))
    [{'size': 6}]
    """

    def __init__(
        self,
        teacher: Callable[[Configuration], float] | Mapping[str, float],
        candidates: Sequence[Configuration] | None = None,
    ) -> None:
        self.teacher = teacher
        self.candidates = None if candidates is None else list(candidates)

    def propose(
        self, report: Report, space: ConfigurationSpace, n: int, rng: np.random.Generator
    ) -> list[Configuration]:
        among = self.candidates
        if among is None:
            drawn = [space.sample(rng) for _ in range(4 * n)]
            among = [*report.mix, *report.originals, *drawn]
        different = {key_of(one): one for one in among}
        gaps = {key: self._alone(one) - report.success(one) for key, one in different.items()}
        best = sorted(gaps, key=lambda key: -gaps[key])
        return [different[key] for key in best if gaps[key] > 0][:n]

    def _alone(self, configuration: Mapping[str, Any]) -> float:
        if callable(self.teacher):
            return float(self.teacher(dict(configuration)))
        return float(self.teacher.get(key_of(configuration), 0.0))
