"""A teacher around another one: whatever it does not change, the inner one does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher


class TeacherDecorator(Teacher):
    """Forwards the whole protocol; override `change` to give other advice than the inner teacher.

    :param teacher: the inner teacher
    :raises TeacherSpecError: it is no `Teacher`

    Example::

        >>> import numpy as np
        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> class Cautious(TeacherDecorator):
        ...     def change(self, situation, advice):
        ...         return Advice.from_counts(dict(advice.plans), confidence=0.5)
        >>> here = Situation("sees nothing", ("explore",), np.eye(1, 7, dtype=np.float32))
        >>> Cautious(ScriptedTeacher(lambda situation: ("explore",))).advise([here])[0].confidence
        0.5
    """

    def __init__(self, teacher: Teacher) -> None:
        if not isinstance(teacher, Teacher):
            raise TeacherSpecError(
                f"{type(self).__name__} got {teacher!r}, expected a Teacher. make_teacher(...) "
                "makes one of a model's name or of a dict."
            )
        self.teacher = teacher

    def change(self, situation: Situation, advice: Advice) -> Advice:
        """The advice to give in place of the inner teacher's; the same for the same situation."""
        return advice

    @property
    def reads_observations(self) -> bool:
        """Whether the inner teacher does."""
        return self.teacher.reads_observations

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """The inner teacher's advice, changed."""
        advices = self.teacher.advise(situations)
        return [self.change(*pair) for pair in zip(situations, advices, strict=True)]

    def cached(self, situation: Situation) -> Advice | None:
        """The inner teacher's, changed."""
        advice = self.teacher.cached(situation)
        return None if advice is None else self.change(situation, advice)

    def lookup(self, situation: Situation) -> Advice | None:
        """The inner teacher's, changed."""
        advice = self.teacher.lookup(situation)
        return None if advice is None else self.change(situation, advice)

    def budget_left(self) -> float:
        """The inner teacher's."""
        return self.teacher.budget_left()

    def probe(self) -> None:
        """Check the inner teacher."""
        self.teacher.probe()

    def grounding_for(self, env: gym.Env[Any, Any]) -> Grounding | None:
        """The grounding that the inner teacher brings along."""
        return self.teacher.grounding_for(env)

    def metrics(self) -> dict[str, float]:
        """The inner teacher's."""
        return self.teacher.metrics()

    def close(self) -> None:
        """Close the inner teacher."""
        self.teacher.close()
