"""A teacher that has practised: it advises what has proved itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gym_llmteacher.advice import Advice
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.practice.choosing import practised, table_of
from gym_llmteacher.practice.recorded import RecordedTeacher
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher


class PractisedTeacher(RecordedTeacher):
    """Another teacher's advice in the light of experience: prior · exp(value / temperature).

    Where next to nothing was tried, the other teacher's advice stands.

    :param teacher: the inner teacher; it is asked as before
    :param experience: what came of advice, for example of `practise`, or of a file
        (``Experience.load``)
    :raises TeacherSpecError: the inner teacher is none

    Attributes: ``steps``, env steps that it practised for; ``report``, how that went.

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> from gym_llmteacher.teachers.check import example_situations
        >>> here = example_situations()[0]
        >>> experience = Experience()
        >>> teacher = PractisedTeacher(ScriptedTeacher(lambda here: ("go left",)), experience)
        >>> teacher.advise([here])[0].plans
        ((('go left',), 1.0),)

    Change log: 0.1.0 - added.
    """

    def __init__(
        self, teacher: Teacher, experience: Experience, report: dict[str, Any] | None = None
    ) -> None:
        super().__init__(teacher, experience)
        self.report: dict[str, Any] = dict(report or {})
        self._told: dict[str, Advice] = {}

    @property
    def steps(self) -> int:
        """Env steps of its practice."""
        return int(self.report.get("steps", 0))

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """The inner teacher's advice, in the light of experience."""
        advices = self.teacher.advise(situations)
        for here, advice in zip(situations, advices, strict=True):
            self._remember(here, advice)
        return [self.change(*pair) for pair in zip(situations, advices, strict=True)]

    def _remember(self, here: Situation, advice: Advice) -> None:
        # What is best depends on what applies now, so nobody may keep our answer by the words
        # alone: we keep the teacher's, and have something to say at once.
        if here.place in self.experience.places and not (advice.abstained or advice.provisional):
            self._told[here.key] = advice

    def cached(self, situation: Situation) -> Advice | None:
        """At once, where the inner teacher has spoken before."""
        advice = self.teacher.cached(situation)
        advice = self._told.get(situation.key) if advice is None else advice
        return None if advice is None else self.change(situation, advice)

    def change(self, situation: Situation, advice: Advice) -> Advice:
        """The inner teacher's advice, in the light of experience."""
        if advice.provisional or situation.place not in self.experience.places:
            return advice
        changed = practised(table_of(situation, advice, self.experience), advice)
        return super().change(situation, changed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.teacher!r}, {json.dumps(self.report)})"
