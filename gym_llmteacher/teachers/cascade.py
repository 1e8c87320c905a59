"""Several teachers in order: whoever is first to know, advises."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher


class CascadeTeacher(Teacher):
    """Ask the first teacher; where it abstains, the next.

    For example a large model, then a small one, then a script. As a spec, a list:
    ``teacher=["openai/gpt-4o-mini", None, {"script": "door_key_planner"}]``.

    :param teachers: in order of preference
    :raises ModelUnavailableError: there are none

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> import numpy as np
        >>> silent = ScriptedTeacher(lambda situation: Advice.abstain("busy"))
        >>> sure = ScriptedTeacher(lambda situation: ("explore",))
        >>> here = Situation("sees nothing", ("explore",), np.eye(1, 7, dtype=np.float32))
        >>> CascadeTeacher([silent, sure]).advise([here])[0].plans
        ((('explore',), 1.0),)
    """

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        if not teachers:
            raise ModelUnavailableError("a cascade of no teachers; expected at least one.")
        self.teachers = tuple(teachers)
        self._fallbacks = 0

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise by the first teacher that does not abstain."""
        advices = self.teachers[0].advise(situations)
        for teacher in self.teachers[1:]:
            silent = [i for i, advice in enumerate(advices) if advice.abstained]
            if not silent:
                break
            second = teacher.advise([situations[i] for i in silent])
            for i, advice in zip(silent, second, strict=True):
                if not advice.abstained:
                    self._fallbacks += 1
                    advices[i] = advice
                else:
                    why = f"{advices[i].source}; {advice.source}"
                    advices[i] = dataclasses.replace(advices[i], source=why)
        return advices

    def cached(self, situation: Situation) -> Advice | None:
        """What the first teacher knows; what it does not know is worth asking it."""
        advice = self.teachers[0].cached(situation)
        return None if advice is None or advice.abstained else advice

    def lookup(self, situation: Situation) -> Advice | None:
        """What the first teacher can say for nothing."""
        advice = self.teachers[0].lookup(situation)
        return None if advice is None or advice.abstained else advice

    def budget_left(self) -> float:
        """The first teacher's."""
        return self.teachers[0].budget_left()

    def probe(self) -> None:
        """Check every teacher: a fallback that cannot work is found out now, not at night."""
        for teacher in self.teachers:
            teacher.probe()

    def metrics(self) -> dict[str, float]:
        """Sums over the teachers, and ``fallbacks``: advice that was not the first's."""
        totals: dict[str, float] = {}
        for teacher in self.teachers:
            for name, value in teacher.metrics().items():
                totals[name] = totals.get(name, 0.0) + value
        return {**totals, "fallbacks": float(self._fallbacks)}

    def close(self) -> None:
        """Close every teacher."""
        for teacher in self.teachers:
            teacher.close()
