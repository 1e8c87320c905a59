"""Several teachers in order: whoever is first to know, advises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.decorator import TeacherDecorator
from gym_llmteacher.teachers.totals import added


@dataclasses.dataclass(frozen=True)
class Sure:
    """Holds for advice whose best plan has so much weight: probability times confidence.

    :param least: in (0, 1]
    :raises TeacherSpecError: it is not

    >>> Sure(0.8)(Advice(((("a",), 0.7), (("b",), 0.3)))), Sure(0.8)(Advice(((("a",), 1.0),)))
    (False, True)
    """

    least: float = 0.8

    def __post_init__(self) -> None:
        if not isinstance(self.least, (int, float)) or not 0 < self.least <= 1:
            raise TeacherSpecError(f"Sure got {self.least!r}, expected a number in (0, 1].")

    def __call__(self, advice: Advice) -> bool:
        """Whether this advice will do."""
        best = max((probability for _, probability in advice.plans), default=0.0)
        return advice.confidence * best >= self.least


class CascadeTeacher(TeacherDecorator):
    """Ask the first teacher; where it abstains, the next.

    For example a large model, then a small one, then a script. As a spec, a list:
    ``teacher=["openai/gpt-4o-mini", None, {"script": "door_key_planner"}]``. Advice of a later
    teacher is provisional while an earlier one may still answer: nobody remembers it, and the
    earlier one is asked again.

    With ``until``, the next teacher is also asked where one is unsure, so that a large model is
    paid for hard situations alone (SALT, arXiv 2410.18779)::

        CascadeTeacher([small, large], until=Sure(0.8))

    :param teachers: in order of preference
    :param until: tells by an advice whether it will do; the last teacher's always does
    :param small_until: after so many situations, only the last teacher is asked: the others have
        brought the student as far as they can
    :raises TeacherSpecError: there are none, or one is no `Teacher`

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> import numpy as np
        >>> silent = ScriptedTeacher(lambda situation: Advice.abstain("busy"))
        >>> sure = ScriptedTeacher(lambda situation: ("explore",))
        >>> here = Situation("sees nothing", ("explore",), np.eye(1, 7, dtype=np.float32))
        >>> CascadeTeacher([silent, sure]).advise([here])[0].plans
        ((('explore',), 1.0),)
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        until: Callable[[Advice], bool] | None = None,
        small_until: int | None = None,
    ) -> None:
        if not teachers:
            raise TeacherSpecError("a cascade of no teachers; expected at least one.")
        super().__init__(teachers[0])
        self.teachers = (teachers[0], *(TeacherDecorator(t).teacher for t in teachers[1:]))
        if until is not None and not callable(until):
            raise TeacherSpecError(f"until is {until!r}, expected a function of advice: Sure(0.8).")
        number = isinstance(small_until, int) and not isinstance(small_until, bool)
        if small_until is not None and not (number and small_until >= 0):
            raise TeacherSpecError(
                f"small_until is {small_until!r}, expected 0 or more situations."
            )
        self.until = until
        self.small_until = small_until
        self._seen = 0
        self._fallbacks = 0

    @property
    def reads_observations(self) -> bool:
        """Whether any of the teachers does."""
        return any(teacher.reads_observations for teacher in self.teachers)

    def _order(self) -> tuple[Teacher, ...]:
        """Who is asked now."""
        done = self.small_until is not None and self._seen >= self.small_until
        return self.teachers[-1:] if done else self.teachers

    def _will_do(self, advice: Advice) -> bool:
        return not advice.abstained and (self.until is None or self.until(advice))

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise by the first teacher whose advice will do, else by the last that has any."""
        first, *others = self._order()
        self._seen += len(situations)
        advices = first.advise(situations)
        for teacher in others:
            open_ = [i for i, advice in enumerate(advices) if not self._will_do(advice)]
            if not open_:
                break
            second = teacher.advise([situations[i] for i in open_])
            for i, advice in zip(open_, second, strict=True):
                advices[i] = self._taken(advices[i], advice)
        return advices

    def _taken(self, earlier: Advice, advice: Advice) -> Advice:
        """One teacher's advice would not do, another one was asked."""
        unsure = not earlier.abstained
        later = earlier.provisional or (not unsure and _may_pass(earlier))
        if not advice.abstained:
            self._fallbacks += 1
            return dataclasses.replace(advice, provisional=advice.provisional or later)
        if unsure:  # better than nothing; whoever could say more may do so later
            return dataclasses.replace(earlier, provisional=later or _may_pass(advice))
        source = f"{earlier.source}; {advice.source}"
        return dataclasses.replace(earlier, source=source, provisional=later)

    def cached(self, situation: Situation) -> Advice | None:
        """What the first teacher knows, if it will do; else it is worth asking."""
        advice = self._order()[0].cached(situation)
        return advice if advice is not None and self._will_do(advice) else None

    def lookup(self, situation: Situation) -> Advice | None:
        """What the first teacher to know something that will do can say for nothing."""
        order = self._order()
        for teacher in order:
            advice = teacher.lookup(situation)
            if advice is not None and (
                self._will_do(advice) or (teacher is order[-1] and not advice.abstained)
            ):
                first = teacher is order[0] or self.until is not None
                return advice if first else dataclasses.replace(advice, provisional=True)
        return None

    def probe(self) -> None:
        """Check every teacher: a fallback that cannot work is found out now, not at night."""
        for teacher in self.teachers:
            teacher.probe()

    def grounding_for(self, env: gym.Env[Any, Any]) -> Grounding | None:
        """What the first teacher brings along, if all bring something; else one by the env.

        A teacher that reads words cannot be asked by a grounding that has none.
        """
        brought = [teacher.grounding_for(env) for teacher in self.teachers]
        return brought[0] if all(grounding is not None for grounding in brought) else None

    def metrics(self) -> dict[str, float]:
        """Sums over the teachers, and ``fallbacks``: advice that was not the first's."""
        totals = added(*(teacher.metrics() for teacher in self.teachers))
        return {**totals, "fallbacks": float(self._fallbacks)}

    def close(self) -> None:
        """Close every teacher."""
        for teacher in self.teachers:
            teacher.close()


def _may_pass(advice: Advice) -> bool:
    return advice.reason is None or advice.reason.may_pass
