"""A plan as subgoals, one at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from gym_llmteacher.advice import Plan
from gym_llmteacher.groundings.target import Target
from gym_llmteacher.prior import first_applicable
from gym_llmteacher.situation import Situation


@dataclass
class Progress:
    """How far a student is with a plan.

    An option is done when the student did what it says, and it then no longer applies: it stands
    before the key, or holds it. Exploring is done each time it comes to where it went, and the plan
    goes on when what can be said has changed. Other options about nothing in particular are done
    when what can be said has changed.

    What is done once more in the same episode does not count again: nobody gets anywhere by opening
    and shutting one door. Exploring counts once for each place.

    :param plan: ``()``: there is none
    :param at: number of the current option
    :param steps: env steps since the current option began
    :param done: options done in this episode, and the places of exploring

    >>> import numpy as np
    >>> far = Situation("far", ("go to key",), np.eye(1, 3, dtype=np.float32))
    >>> near = Situation("near", ("go to key",), np.zeros((1, 3), dtype=np.float32))
    >>> progress = Progress(("go to key", "pick up key"))
    >>> key = Target(ahead=2, right=0, kind=5)
    >>> progress.step(far, 1, near, key), progress.step(far, 0, near, key)
    (False, True)
    >>> progress.current
    'pick up key'
    """

    plan: Plan = ()
    at: int = 0
    steps: int = 0
    done: set[tuple[str, tuple[int, int] | None]] = field(default_factory=set)

    @property
    def reached(self) -> int:
        """How many different subgoals were reached in this episode."""
        return len(self.done)

    @property
    def current(self) -> str | None:
        """The option to be carried out; ``None`` where a new plan is needed."""
        return self.plan[self.at] if self.at < len(self.plan) else None

    def begin(self, plan: Plan, situation: Situation) -> None:
        """A new plan; what is done already is left out."""
        self.plan, self.at, self.steps = plan, 0, 0
        first, _ = first_applicable(plan, situation)
        if first is not None:
            self.at = plan.index(first)

    def step(self, before: Situation, action: int, after: Situation, target: Target | None) -> bool:
        """Take in a step of the env; whether it has done the current option.

        :param target: of the option, before the step
        """
        option = self.current
        if option is None:
            return False
        self.steps += 1
        _, row = first_applicable((option,), before)
        acted = row is not None and row[action] > 0
        is_thing = target is not None and target.kind > 0
        applies = first_applicable((option,), after)[0] is not None
        news = before.text != after.text
        done = acted and (not applies or (news and not is_thing))
        if done:
            self._next(option, target)
        elif acted and not is_thing and target is not None and target.left == 1:
            # It is there, and would go on to another place: nobody has to be asked for that.
            self._count(option, target)
            done = True
        elif (news and not is_thing) or option not in after.options:
            self.plan = ()  # the plan is out of date
        return bool(done)

    def finish(self, before: Situation, action: int) -> bool:
        """The episode ended in success: whether that was the current option's doing."""
        option = self.current or ""
        _, row = first_applicable((option,), before)
        done = row is not None and row[action] > 0
        if done:
            self._next(option, None)
        return bool(done)

    def _next(self, option: str, target: Target | None) -> None:
        self.at += 1
        self._count(option, target)

    def _count(self, option: str, target: Target | None) -> None:
        self.done.add((option, None if target is None else target.place))
        self.steps = 0
