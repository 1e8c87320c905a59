"""Tell in words what is wrong with a teacher, before a training is spent on it."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np

from gym_llmteacher.advice import Advice
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher

_ODD = " \ud800\x1b[2J \u202e"
"""A lone surrogate, a terminal's escape sequence, a change of direction: envs say anything."""


def example_situations() -> list[Situation]:
    """Three small situations to ask about: two of them read the same and differ in their task."""
    rows = np.eye(2, 3, dtype=np.float32)
    east = Situation("A cart stands on the rails.", ("go left", "go right"), rows, task="go east")
    west = dataclasses.replace(east, task="go west")
    return [east, west, dataclasses.replace(east, text="A cart stands before a wall.")]


def check_teacher(
    teacher: Teacher,
    situations: Sequence[Situation] | None = None,
    env: gym.Env[Any, Any] | None = None,
) -> list[str]:
    """Ask a teacher in many ways and look at what it does.

    :param teacher: it is asked some dozen times; give it a budget, or an answers file
    :param situations: that it can be asked about; by default `example_situations`
    :param env: to see which grounding it brings along
    :return: what is wrong, a sentence or two each; empty when nothing is

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> check_teacher(ScriptedTeacher(lambda situation: (situation.options[0],)))
        []
        >>> for problem in check_teacher(ScriptedTeacher(lambda situation: ("fly",)))[:1]:
        ...     print(problem)  # doctest: +ELLIPSIS
        advice for 'A cart stands on the rails.' has the option 'fly', which is not among ...
    """
    if not isinstance(teacher, Teacher):
        return [f"{teacher!r} is no Teacher: derive the class from gym_llmteacher.Teacher."]
    check = _Check(teacher, list(situations or example_situations()))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what there is to be told of is told of below
            check.answers()
            check.order()
            check.copies()
            check.odd_words()
            check.free_advice()
            check.figures()
            check.grounding(env)
    except Exception as error:
        check.tell(
            f"it raised {type(error).__name__}: {error}. Trouble with one answer is "
            "Advice.abstain(why, reason); a training must not end because of it."
        )
    return check.problems


class _Check:
    """What was seen of a teacher so far."""

    def __init__(self, teacher: Teacher, situations: list[Situation]) -> None:
        self.teacher, self.situations = teacher, situations
        self.problems: list[str] = []

    def tell(self, problem: str) -> None:
        """Add a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def ask(self, teacher: Teacher, situations: Sequence[Situation]) -> list[Advice]:
        """Advice on every situation; what it does not say is an abstention here."""
        advices = teacher.advise(situations)
        if len(advices) != len(situations):
            self.tell(
                f"advise returned {len(advices)} pieces of advice on {len(situations)} situations; "
                "expected one for each, in their order."
            )
        padded = [*advices, *[Advice.abstain("nothing was said")] * len(situations)]
        return padded[: len(situations)]

    def answers(self) -> None:
        """Plans of known options; the same question, the same answer."""
        first = self.ask(self.teacher, self.situations)
        for here, advice in zip(self.situations, first, strict=True):
            if not isinstance(advice, Advice):
                self.tell(f"advise returned {advice!r}, expected an Advice for each situation.")
                continue
            for option in {option for plan, _ in advice.plans for option in plan}:
                if option not in here.options:
                    self.tell(
                        f"advice for {here.text!r} has the option {option!r}, which is not among "
                        f"{', '.join(here.options)}: it votes for nothing."
                    )
            if advice.abstained and advice.reason is None:
                self.tell(
                    f"advice for {here.text!r} abstains without a reason; use Advice.abstain(why, "
                    "reason)."
                )
        for here, one, two in zip(
            self.situations, first, self.ask(self.teacher, self.situations), strict=True
        ):
            if _differ(one, two):
                self.tell(
                    f"asked twice about {here.text!r} it said {one.plans!r}, then {two.plans!r}; "
                    "priors must depend on nothing but the situation. Draw from a generator seeded "
                    "with Situation.key."
                )

    def order(self) -> None:
        """Nobody's advice depends on who was asked before."""
        forward, backward = self._copy(), self._copy()
        if forward is None or backward is None:
            return
        ahead = [self.ask(forward, [here])[0] for here in self.situations]
        back = [self.ask(backward, [here])[0] for here in reversed(self.situations)][::-1]
        together = self.ask(self.teacher, self.situations[::-1])[::-1]
        for here, one, two, three in zip(self.situations, ahead, back, together, strict=True):
            if _differ(one, two) or _differ(one, three):
                self.tell(
                    f"what it says about {here.text!r} (task {here.task!r}) depends on what it was "
                    "asked before, or beside it; remember advice by Situation.key, and keep the "
                    "order of the situations."
                )

    def _copy(self) -> Teacher | None:
        try:
            copied: Teacher = pickle.loads(cloudpickle.dumps(self.teacher))
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            self.tell(
                f"it cannot be pickled ({error}): SubprocVecEnv and ProcessTeacher will fail. Open "
                "clients, files and locks lazily, and leave them out of __getstate__."
            )
            return None
        return copied

    def copies(self) -> None:
        """A copy in another process says the same; a copy in this one is the same object."""
        copied = self._copy()
        if copied is not None:
            pairs = zip(
                self.ask(self.teacher, self.situations),
                self.ask(copied, self.situations),
                strict=True,
            )
            if any(_differ(one, two) for one, two in pairs):
                self.tell("a pickled copy gives other advice: advice depends on hidden state.")
        if copy.deepcopy(self.teacher) is not self.teacher:
            self.tell(
                "copy.deepcopy makes another teacher; expected the same one, since wrappers of "
                "many envs share it. Do not override Teacher.__deepcopy__."
            )

    def odd_words(self) -> None:
        """Whatever an env says, nothing is raised."""
        here = self.situations[0]
        self.ask(self.teacher, [dataclasses.replace(here, text=here.text + _ODD)])
        self.ask(self.teacher, [])

    def free_advice(self) -> None:
        """What costs nothing is what `advise` says."""
        for here, advice in zip(
            self.situations, self.ask(self.teacher, self.situations), strict=True
        ):
            for name in ("cached", "lookup"):
                free = getattr(self.teacher, name)(here)
                if free is not None and _differ(free, advice):
                    self.tell(
                        f"{name}() says {free.plans!r} of {here.text!r} and advise() "
                        f"{advice.plans!r}; expected the same, or None."
                    )

    def figures(self) -> None:
        """Budget and metrics are numbers."""
        left = self.teacher.budget_left()
        if not 0.0 <= left <= 1.0:
            self.tell(f"budget_left() is {left!r}, expected a share in [0, 1].")
        before = self.teacher.metrics()
        self.ask(self.teacher, self.situations)
        after = self.teacher.metrics()
        for name, value in after.items():
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                self.tell(f"metrics() has {name}={value!r}, expected a finite number.")
            elif value < before.get(name, 0.0):
                self.tell(f"metrics() has a {name} that falls; expected running totals.")

    def grounding(self, env: gym.Env[Any, Any] | None) -> None:
        """A grounding, or none."""
        brought = None if env is None else self.teacher.grounding_for(env)
        if brought is not None and not isinstance(brought, Grounding):
            self.tell(f"grounding_for returned {brought!r}, expected a Grounding or None.")


def check_decorator(make: Callable[[Teacher], Teacher]) -> list[str]:
    """Check that a teacher around another one forwards the whole protocol.

    :param make: puts your teacher around an inner one
    :return: what is wrong; empty when nothing is

    >>> from gym_llmteacher.teachers.simulated import SimulatedTeacher
    >>> check_decorator(lambda inner: SimulatedTeacher(inner, accuracy=1.0))
    []
    """
    inner = _Inner()
    outer = make(inner)
    outer.probe()
    here = example_situations()[0]
    seen = {
        "probe": "probe" in inner.heard,
        "metrics": outer.metrics().get("asked") == 7.0,
        "grounding_for": outer.grounding_for(gym.Env()) is inner.brought,
        "cached": outer.cached(here) is not None,
        "lookup": outer.lookup(here) is not None,
        "budget_left": outer.budget_left() == 0.5,
        "reads_observations": outer.reads_observations is True,
        "advise": [advice.plans for advice in outer.advise([here])] == [inner.advice.plans],
    }
    outer.close()
    seen["close"] = "close" in inner.heard
    return [
        f"{name} is not that of the inner teacher. Derive the class from TeacherDecorator."
        for name, forwarded in seen.items()
        if not forwarded
    ]


class _Inner(Teacher):
    """Has something to say to everything."""

    def __init__(self) -> None:
        self.advice = Advice(((("go left",), 1.0),))
        self.brought = _NoGrounding()
        self.heard: list[str] = []

    @property
    def reads_observations(self) -> bool:
        return True

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        return [self.advice for _ in situations]

    def cached(self, situation: Situation) -> Advice:
        return self.advice

    def budget_left(self) -> float:
        return 0.5

    def probe(self) -> None:
        self.heard.append("probe")

    def grounding_for(self, env: gym.Env[Any, Any]) -> Grounding:
        return self.brought

    def metrics(self) -> dict[str, float]:
        return {"asked": 7.0}

    def close(self) -> None:
        self.heard.append("close")


class _NoGrounding(Grounding):
    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        return example_situations()[0]


def _differ(one: Advice, two: Advice) -> bool:
    """Whether two answers that both count are not the same."""
    passing = any(
        advice.provisional or (advice.reason is not None and advice.reason.may_pass)
        for advice in (one, two)
    )
    return not passing and (one.plans, one.confidence) != (two.plans, two.confidence)
