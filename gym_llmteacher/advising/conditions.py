"""When to ask: small conditions, to be combined with ``|`` and ``&``.

Advice that costs nothing, since its text has been asked about before, is used in any case. Where
nothing is asked, the last advice of the episode stands, as far as its options still apply.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gym_llmteacher.advice import Plan
from gym_llmteacher.errors import ConditionError
from gym_llmteacher.prior import first_applicable
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher

if TYPE_CHECKING:
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm


@dataclass(frozen=True)
class Moment:
    """What a condition may look at.

    :param step: of the episode; 0 at its first observation
    :param seen: whether this text came up before, in this env
    :param finished: whether the advised option is done, or does no longer apply, or there is none
    :param teacher: who would be asked
    :param env: number of the env
    :param last_obs: the observation before, for conditions that ``look_back``; ``None`` at step 0
    :param plan: the most probable plan of the last advice of the episode
    """

    situation: Situation
    obs: Any
    step: int
    seen: bool
    finished: bool
    teacher: Teacher
    env: int = 0
    last_obs: Any = None
    plan: Plan | None = None

    @property
    def exhausted(self) -> bool:
        """Whether nothing of the plan in hand applies now, or there is none."""
        return not self.plan or first_applicable(self.plan, self.situation)[0] is None


@dataclass(frozen=True)
class Outcome:
    """What followed a decision whether to ask, for conditions that learn from it.

    :param env: number of the env
    :param asked: whether the decision was to ask
    :param changed: whether other advice than before came of it
    :param reward: of the env step that followed
    :param over: whether that step ended the episode
    """

    env: int
    asked: bool
    changed: bool
    reward: float
    over: bool


class Condition(ABC):
    """Says whether a question is worth its price. One object may serve many envs of a process.

    ``saved``: questions not asked because of it.

    Example::

        >>> ask = AtReset() | (NewText() & WithProbability(0.5, seed=1))
        >>> [type(part).__name__ for part in ask.parts()]
        ['AtReset', 'NewText', 'WithProbability']
    """

    name: str = ""
    saved: int = 0
    looks_back: bool = False
    """Whether ``Moment.last_obs`` is wanted, which is a copy at every step."""

    @abstractmethod
    def holds(self, moment: Moment) -> bool:
        """Whether to ask now, as far as this condition goes."""

    def against(self, moment: Moment) -> list[Condition]:
        """The conditions because of which nothing is asked; none: ask."""
        return [] if self.holds(moment) else [self]

    def hear(self, outcome: Outcome) -> None:  # noqa: B027  (most conditions do not learn)
        """Hear what the step led to that followed a decision."""

    def parts(self) -> Iterator[Condition]:
        """This condition, or those it is made of."""
        yield self

    def __or__(self, other: Condition) -> Condition:
        return _Either(self, other)

    def __and__(self, other: Condition) -> Condition:
        return _Both(self, other)


def checked_condition(condition: Any) -> Condition:
    """Return a condition.

    :raises ConditionError: it is none
    """
    if not isinstance(condition, Condition):
        raise ConditionError(
            f"{condition!r} is no condition; expected one such as NewText() | EveryNSteps(10)."
        )
    return condition


class _Pair(Condition):
    def __init__(self, first: Condition, second: Condition) -> None:
        self.first, self.second = checked_condition(first), checked_condition(second)

    def holds(self, moment: Moment) -> bool:
        return not self.against(moment)

    def parts(self) -> Iterator[Condition]:
        yield from self.first.parts()
        yield from self.second.parts()


class _Either(_Pair):
    def against(self, moment: Moment) -> list[Condition]:
        first = self.first.against(moment)
        second = self.second.against(moment) if first else []
        return first + second if second else []


class _Both(_Pair):
    def against(self, moment: Moment) -> list[Condition]:
        return self.first.against(moment) or self.second.against(moment)


class NewText(Condition):
    """The text has not come up before in this env: a question that failed is not repeated."""

    name = "new_text"

    def holds(self, moment: Moment) -> bool:
        return not moment.seen


class AtReset(Condition):
    """The episode begins: one plan for the whole of it."""

    name = "at_reset"

    def holds(self, moment: Moment) -> bool:
        return moment.step == 0


class OptionFinished(Condition):
    """What was advised last is done or no longer possible (LLM4Teach asks so)."""

    name = "option_finished"

    def holds(self, moment: Moment) -> bool:
        return moment.finished


class EveryNSteps(Condition):
    """The step's number in its episode is a multiple of ``n``.

    :raises ConditionError: ``n`` below 1
    """

    name = "every_n_steps"

    def __init__(self, n: int) -> None:
        if n < 1:
            raise ConditionError(f"EveryNSteps got n={n!r}, expected 1 or more.")
        self.n = n

    def holds(self, moment: Moment) -> bool:
        return moment.step % self.n == 0


class WithProbability(Condition):
    """By chance, from a generator of its own.

    :raises ConditionError: ``p`` outside [0, 1]
    """

    name = "with_probability"

    def __init__(self, p: float, seed: int = 0) -> None:
        self.p = _share("WithProbability", p)
        self._rng = np.random.default_rng(seed)

    def holds(self, moment: Moment) -> bool:
        return bool(self._rng.random() < self.p)


class BudgetLeft(Condition):
    """More than this share of the teacher's budget is left; a teacher without a budget has all.

    ``BudgetLeft(0.2) | AtReset()`` keeps the last fifth for resets.

    :raises ConditionError: ``share`` outside [0, 1]
    """

    name = "budget_left"

    def __init__(self, share: float = 0.0) -> None:
        self.share = _share("BudgetLeft", share)

    def holds(self, moment: Moment) -> bool:
        return moment.teacher.budget_left() > self.share


class StudentUncertain(Condition):
    """The entropy of the student's policy, divided by log of the number of actions, is above this.

    Only for a student in the same process, which `watch` makes known; until then it holds. Put it
    last, as in ``NewText() & StudentUncertain(0.5)``: it costs a forward pass.

    :raises ConditionError: ``threshold`` outside [0, 1]
    """

    name = "student_uncertain"

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = _share("StudentUncertain", threshold)
        self._student: OnPolicyAlgorithm | None = None

    def watch(self, student: OnPolicyAlgorithm) -> None:
        """Look at this student from now on."""
        self._student = student

    def holds(self, moment: Moment) -> bool:
        if self._student is None:
            return True
        import torch as th

        policy = self._student.policy
        with th.no_grad():
            obs, _ = policy.obs_to_tensor(moment.obs)
            entropy = policy.get_distribution(obs).entropy()
        assert entropy is not None
        return float(entropy) > self.threshold * math.log(moment.situation.option_actions.shape[1])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_student": None}  # a live student is never saved with an env


def _share(owner: str, value: float) -> float:
    if not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise ConditionError(f"{owner} got {value!r}, expected a number in [0, 1].")
    return float(value)
