"""A teacher that chooses among configurations, as it chooses among options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gym_llmteacher.curriculum.report import Report
from gym_llmteacher.curriculum.space import Configuration, ConfigurationSpace
from gym_llmteacher.curriculum.writers import Writer
from gym_llmteacher.errors import CurriculumError
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher


class TeacherWriter(Writer):
    """Asks any teacher which of some configurations to train in next, and draws from its advice.

    For models that are too small to write a list, as the embedded one is: they only choose. It is
    told the success in each, to the nearest tenth. A teacher that abstains leaves the mix as it is.

    :param teacher: as for `LLMTeacherWrapper`
    :param candidates: configurations, two or more
    :param task: what the student is to learn, in a sentence
    :param teacher_arguments: of a language model: ``answers``, ``elicitation``, ``budget``
    :raises CurriculumError: fewer than two candidates
    :raises TeacherSpecError: ``teacher`` names none

    >>> from gym_llmteacher import ScriptedTeacher
    >>> worst = ScriptedTeacher(lambda situation: (situation.options[-1],))
    >>> writer = TeacherWriter(worst, [{"size": 5}, {"size": 8}], "reach the goal")
    >>> space = ConfigurationSpace({"size": {"enum": [5, 8]}})
    >>> writer.propose(Report(0), space, 1, np.random.default_rng(0))
    [{'size': 8}]
    """

    def __init__(
        self,
        teacher: TeacherSpec = None,
        candidates: Sequence[Configuration] = (),
        task: str = "",
        **teacher_arguments: Any,
    ) -> None:
        self.candidates = {_name(one): dict(one) for one in candidates}
        if len(self.candidates) < 2:
            raise CurriculumError(
                f"candidates is {list(candidates)!r}, expected two different configurations or "
                "more to choose among."
            )
        self.teacher = make_teacher(teacher, **teacher_arguments)
        self.task = task

    def propose(
        self, report: Report, space: ConfigurationSpace, n: int, rng: np.random.Generator
    ) -> list[Configuration]:
        (advice,) = self.teacher.advise([self.situation(report)])
        chances = dict.fromkeys(self.candidates, 0.0)
        for plan, probability in advice.plans:
            if plan and plan[0] in chances:
                chances[plan[0]] += probability
        total = sum(chances.values())
        if not total:
            return list(report.mix)
        p = np.array(list(chances.values())) / total
        drawn = rng.choice(len(p), size=min(n, int(np.count_nonzero(p))), replace=False, p=p)
        names = list(chances)
        return [dict(self.candidates[names[i]]) for i in drawn]

    def situation(self, report: Report) -> Situation:
        """What the teacher is asked."""
        known = [f"{name}: {report.success(one):.1f}" for name, one in self.candidates.items()]
        n = len(self.candidates)
        return Situation(
            text=f"Share of successes of the student: {'; '.join(known)}.",
            options=tuple(self.candidates),
            option_actions=np.eye(n, dtype=np.float32),
            task=f"choose what a student trains in next, which is to {self.task or 'do all'}",
        )


def _name(configuration: Configuration) -> str:
    return "train in " + ", ".join(f"{key} {value}" for key, value in configuration.items())
