"""A condition at work: the situations of one env, step by step."""

from __future__ import annotations

from typing import Any

from gym_llmteacher.advice import Advice
from gym_llmteacher.advising.conditions import Condition, Moment
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher


class Asker:
    """Applies a condition to the situations of one env, and remembers what it needs for that."""

    def __init__(self, condition: Condition, teacher: Teacher) -> None:
        if not isinstance(condition, Condition):
            raise GroundingError(
                f"ask is {condition!r}, expected a condition such as NewText() | EveryNSteps(10)."
            )
        self.condition, self.teacher = condition, teacher
        self._seen: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Begin an episode."""
        self._step = -1
        self._last: Advice | None = None
        self._option: str | None = None

    def asks(self, situation: Situation, obs: Any, known: bool) -> bool:
        """Whether to ask about the next observation; to be called for every one.

        :param known: there is advice already, so there is nothing to be decided
        """
        self._step += 1
        seen = situation.text in self._seen
        self._seen.add(situation.text)
        if known:
            return False
        finished = self._option is None or not _applies(self._option, situation)
        moment = Moment(situation, obs, self._step, seen, finished, self.teacher)
        against = self.condition.against(moment)
        for condition in against:
            condition.saved += 1
        return not against

    def settled(self, advice: Advice | None, situation: Situation) -> Advice:
        """The advice that counts now: the new one, or else the last of this episode."""
        if advice is None or advice.abstained:
            return self._last or advice or Advice.abstain("not asked")
        self._last = advice
        plan, _ = max(advice.plans, key=lambda pair: pair[1])
        self._option = next((option for option in plan if _applies(option, situation)), None)
        return advice


def saved_questions(condition: Condition | None) -> dict[str, float]:
    """Totals for the logger: what each condition saved."""
    saved: dict[str, float] = {}
    for part in condition.parts() if condition is not None else ():
        key = f"saved_{part.name}"
        saved[key] = saved.get(key, 0.0) + part.saved
    return saved


def _applies(option: str, situation: Situation) -> bool:
    if option not in situation.options:
        return False
    return bool(situation.option_actions[situation.options.index(option)].any())
