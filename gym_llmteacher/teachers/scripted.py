"""A teacher that is a function: for tests, for baselines, and as the last in a cascade."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.errors import AdviceError, TeacherSpecError
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher

Answer = Plan | Mapping[Plan, float] | Advice


class ScriptedTeacher(Teacher):
    """Ask a function instead of a language model.

    :param function: situation -> a plan (tuple of option names), a mapping of plans to weights, or
        an `Advice`; its exceptions are raised, since they are bugs and not bad answers
    :raises TeacherSpecError: it is no function
    :raises AdviceError: (when asked) the function returns something else

    Example::

        >>> import numpy as np
        >>> here = Situation("sees nothing", ("explore",), np.eye(1, 7, dtype=np.float32))
        >>> ScriptedTeacher(lambda situation: ("explore",)).advise([here])[0].plans
        ((('explore',), 1.0),)
    """

    def __init__(self, function: Callable[[Situation], Answer]) -> None:
        if not callable(function):
            raise TeacherSpecError(
                f"function is {function!r}, expected a callable: situation -> plan. For a script "
                'by name write teacher={"script": "door_key_planner"}.'
            )
        self.function = function
        self._named = ""
        self._told: set[str] = set()

    @classmethod
    def named(cls, name: str) -> ScriptedTeacher:
        """Return the script of this name.

        :raises TeacherSpecError: there is none
        """
        if name not in SCRIPTS:
            raise TeacherSpecError(
                f"there is no script {name!r}, expected one of {', '.join(SCRIPTS)}."
            )
        module = importlib.import_module(f"gym_llmteacher.teachers.{SCRIPTS[name]}")
        script = cls(getattr(module, name))
        script._named = name
        return script

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Call the function on each situation."""
        return [self._checked(self._ask(situation), situation) for situation in situations]

    def _ask(self, situation: Situation) -> Advice:
        try:
            return self._advice(self.function(situation))
        except (LookupError, ValueError, AttributeError) as error:
            if not self._named or isinstance(error, AdviceError):
                raise
            raise AdviceError(
                f"the script {self._named!r} cannot make anything of {situation.text[:200]!r}, "
                f"got {type(error).__name__}: {error}. It is for other envs. Cure: name the script "
                f"of this one, of {', '.join(SCRIPTS)}."
            ) from None

    def _checked(self, advice: Advice, situation: Situation) -> Advice:
        """Advice; one that is for nothing here is told of, once for each name."""
        names = {name for plan, _ in advice.plans for name in plan}
        if names and names.isdisjoint(situation.options):
            for name in sorted(names - self._told):
                self._told.add(name)
                likely = get_close_matches(name, situation.options, 1, 0.5)
                warnings.warn(
                    f"the script said {name!r}, which is not among the options "
                    f"({', '.join(situation.options)}): nothing is taught there."
                    + (f" Did it mean {likely[0]!r}?" if likely else ""),
                    stacklevel=2,
                )
        return advice

    @staticmethod
    def _advice(answer: Answer) -> Advice:
        if isinstance(answer, Advice):
            return answer
        if isinstance(answer, Mapping):
            return Advice.from_counts(answer)
        if isinstance(answer, tuple) and answer and all(isinstance(o, str) for o in answer):
            return Advice(((answer, 1.0),))
        raise AdviceError(
            f"the function returned {answer!r}, expected a plan such as "
            "('go to key', 'pick up key'), a dict of plans and weights, or an Advice."
        )


def door_key_planner(situation: Situation) -> Plan:
    """Solve door-key tasks: a key that fits, then its door, exploring for what is not in sight.

    A box is opened where no key is in sight.

    >>> ScriptedTeacher.named("door_key_planner").function.__name__
    'door_key_planner'
    """
    plans = {subgoal.name: subgoal.plan for subgoal in situation.subgoals}
    useful_key = situation.state == "The agent holds the key."
    if useful_key:
        return plans["door"]
    hidden = plans["key"] == ("explore",)
    return plans["box"] if hidden and "box" in plans else plans["key"]


SCRIPTS: dict[str, str] = {
    "door_key_planner": "scripted",
    "mission_planner": "minigrid_planner",
    "frozen_lake_planner": "toy_planners",
    "taxi_planner": "toy_planners",
    "cliff_walking_planner": "toy_planners",
    "blackjack_planner": "toy_planners",
    "cart_pole_planner": "toy_planners",
    "mountain_car_planner": "toy_planners",
    "lunar_lander_planner": "toy_planners",
}
"""Module of each script: some bring MiniGrid along, which others need not wait for."""
