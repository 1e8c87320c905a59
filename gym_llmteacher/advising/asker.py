"""A condition at work: the situations of one env, step by step."""

from __future__ import annotations

import copy
from typing import Any

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.advising.conditions import Condition, Moment, Outcome, checked_condition
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher


class Asker:
    """Applies a condition to the situations of one env, and remembers what it needs for that.

    :param env: number of the env
    :raises ConditionError: ``condition`` is none
    """

    def __init__(self, condition: Condition, teacher: Teacher, env: int = 0) -> None:
        self.condition, self.teacher, self.env = checked_condition(condition), teacher, env
        self._seen: Bounded[str, None] = Bounded()
        self._looks_back = any(part.looks_back for part in condition.parts())
        self.reset()

    def reset(self) -> None:
        """Begin an episode."""
        self._step = -1
        self._last: Advice | None = None
        self._option: str | None = None
        self._plan: Plan | None = None
        self._obs: Any = None
        self._asked = self._changed = False

    def asks(self, situation: Situation, obs: Any, known: bool) -> bool:
        """Whether to ask about the next observation; to be called for every one.

        :param known: there is advice already, so there is nothing to be decided
        """
        self._step += 1
        seen = situation.key in self._seen
        self._seen[situation.key] = None
        self._asked = False
        last_obs = self._obs
        if self._looks_back:
            self._obs = copy.deepcopy(obs)  # envs may write the next one into the same array
        if known:
            return False
        finished = self._option is None or not _applies(self._option, situation)
        moment = Moment(
            situation, obs, self._step, seen, finished, self.teacher, self.env, last_obs, self._plan
        )
        against = self.condition.against(moment)
        for condition in against:
            condition.saved += 1
        self._asked = not against
        return self._asked

    def settled(self, advice: Advice | None, situation: Situation) -> Advice:
        """The advice that counts now: the new one, or else the last of this episode."""
        self._changed = False
        if advice is None or advice.abstained:
            return self._last or advice or Advice.abstain("not asked", Abstention.NOT_ASKED)
        self._last = advice
        plan, _ = max(advice.plans, key=lambda pair: pair[1])
        self._changed, self._plan = plan != self._plan, plan
        self._option = next((option for option in plan if _applies(option, situation)), None)
        return advice

    def hear(self, reward: float, over: bool) -> None:
        """Tell the condition what the step led to that followed its last decision."""
        outcome = Outcome(self.env, self._asked, self._changed, float(reward), bool(over))
        for part in self.condition.parts():
            part.hear(outcome)


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
