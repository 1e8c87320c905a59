"""A teacher with a known accuracy, for experiments that cost nothing."""

from __future__ import annotations

import hashlib

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.decorator import TeacherDecorator


class SimulatedTeacher(TeacherDecorator):
    """Says what another teacher says with probability ``accuracy``, else something else.

    Whether a text is answered rightly, and the wrong option otherwise, depend on nothing but text
    and seed: like a language model behind an answers file, it repeats its mistakes. With
    ``soft=True`` it always gives the mixture itself: ``accuracy`` on the right plans, the rest
    spread over the other options (the idea of a simulated teacher: Words as Beacons,
    arXiv 2410.08632).

    :param expert: whom to imitate
    :param accuracy: in [0, 1]; 0 is always wrong (where there is another option)
    :raises TeacherSpecError: accuracy outside [0, 1], or the expert is no `Teacher`

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> teacher = SimulatedTeacher(ScriptedTeacher.named("door_key_planner"), accuracy=0.7)
    """

    def __init__(self, expert: Teacher, accuracy: float, seed: int = 0, soft: bool = False) -> None:
        if not isinstance(accuracy, (int, float)) or not 0.0 <= accuracy <= 1.0:
            raise TeacherSpecError(
                f"accuracy is {accuracy!r}, expected the probability in [0, 1] of being right."
            )
        super().__init__(expert)
        self.accuracy = float(accuracy)
        self.seed = int(seed)
        self.soft = bool(soft)

    def change(self, situation: Situation, advice: Advice) -> Advice:
        """The expert's advice, or something else: always the same for the same text."""
        right = advice
        if right.abstained:
            return right
        good = {plan[0] for plan, _ in right.plans if plan} | {
            option for plan, _ in right.plans for option in plan
        }
        wrong = [option for option in situation.options if option not in good]
        if not wrong:
            return right
        if self.soft:
            counts = {plan: self.accuracy * p for plan, p in right.plans}
            share = (1.0 - self.accuracy) / len(wrong)
            counts.update({(option,): share for option in wrong})
            return Advice.from_counts(counts)
        # hashlib, not hash(): Python's own differs from process to process.
        digest = hashlib.sha256(
            f"{self.seed}\n{situation.text}".encode("utf-8", "backslashreplace")
        ).digest()
        if int.from_bytes(digest[:8], "big") / 2**64 < self.accuracy:
            return right
        return Advice((((wrong[int.from_bytes(digest[8:12], "big") % len(wrong)],), 1.0),))
