"""Several teachers in order: whoever is first to know, advises."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import gymnasium as gym

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.decorator import TeacherDecorator
from gym_llmteacher.teachers.totals import added


class CascadeTeacher(TeacherDecorator):
    """Ask the first teacher; where it abstains, the next.

    For example a large model, then a small one, then a script. As a spec, a list:
    ``teacher=["openai/gpt-4o-mini", None, {"script": "door_key_planner"}]``. Advice of a later
    teacher is provisional while an earlier one may still answer: nobody remembers it, and the
    earlier one is asked again.

    :param teachers: in order of preference
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

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        if not teachers:
            raise TeacherSpecError("a cascade of no teachers; expected at least one.")
        super().__init__(teachers[0])
        self.teachers = (teachers[0], *(TeacherDecorator(t).teacher for t in teachers[1:]))
        self._fallbacks = 0

    @property
    def reads_observations(self) -> bool:
        """Whether any of the teachers does."""
        return any(teacher.reads_observations for teacher in self.teachers)

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise by the first teacher that does not abstain."""
        advices = self.teacher.advise(situations)
        for teacher in self.teachers[1:]:
            silent = [i for i, advice in enumerate(advices) if advice.abstained]
            if not silent:
                break
            second = teacher.advise([situations[i] for i in silent])
            for i, advice in zip(silent, second, strict=True):
                earlier = advices[i]
                later = earlier.provisional or (earlier.reason is None or earlier.reason.may_pass)
                if not advice.abstained:
                    self._fallbacks += 1
                    advices[i] = dataclasses.replace(advice, provisional=later)
                else:
                    advices[i] = dataclasses.replace(
                        earlier, source=f"{earlier.source}; {advice.source}", provisional=later
                    )
        return advices

    def cached(self, situation: Situation) -> Advice | None:
        """What the first teacher knows; what it does not know is worth asking it."""
        advice = super().cached(situation)
        return None if advice is None or advice.abstained else advice

    def lookup(self, situation: Situation) -> Advice | None:
        """What the first teacher to know something can say for nothing."""
        for teacher in self.teachers:
            advice = teacher.lookup(situation)
            if advice is not None and not advice.abstained:
                first = teacher is self.teacher
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
