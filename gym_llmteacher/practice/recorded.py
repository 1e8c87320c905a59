"""A teacher whose advice says what it has come to so far."""

from __future__ import annotations

import dataclasses
from typing import Any

from gym_llmteacher.advice import Advice
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.decorator import TeacherDecorator


class RecordedTeacher(TeacherDecorator):
    """Another teacher's advice as it is, with what it got from there on (``Advice.value``).

    The gate ``"teacher_better"`` compares that with what the student gets.

    :param teacher: the inner teacher
    :param experience: of that teacher
    :raises TeacherSpecError: the inner teacher is none

    Example::

        >>> from gym_llmteacher import ScriptedTeacher, play
        >>> import gymnasium as gym
        >>> make, planner = lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"), ScriptedTeacher.named(
        ...     "door_key_planner")
        >>> record = play(make, planner, 8, texts=True)
        >>> recorded = RecordedTeacher(planner, Experience().add(record))
        >>> play(make, recorded, 1, texts=True).episodes[0].steps[0].advices[0].value > 0.1
        True

    Change log: 0.1.0 - added.
    """

    def __init__(self, teacher: Teacher, experience: Experience) -> None:
        super().__init__(teacher)
        self.experience = experience

    @classmethod
    def around(cls, teacher: Any, experience: Experience) -> Any:
        """Put experience in the place of what a teacher may have had so far."""
        if type(teacher) is cls:
            teacher = teacher.teacher
        return cls(teacher, experience)

    def change(self, situation: Situation, advice: Advice) -> Advice:
        """The same, with its value."""
        place = self.experience.places.get(situation.place)
        if place is None or advice.abstained:
            return advice
        return dataclasses.replace(advice, value=place.value)
