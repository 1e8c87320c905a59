"""Conditions in words, for YAML files and command lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gym_llmteacher.advising.conditions import (
    AtReset,
    BudgetLeft,
    Condition,
    EveryNSteps,
    NewText,
    OptionFinished,
    StudentUncertain,
    WithProbability,
    checked_condition,
)
from gym_llmteacher.errors import ConditionError

_SHOWN = "at_reset | learned:asker.zip"


def _learned(path: str) -> Condition:
    # Not at the top: the asker is a model of Stable-Baselines3, which takes a second to import.
    from gym_llmteacher.asking.learned import LearnedAsk

    return LearnedAsk(path)


_Make = Callable[..., Condition]
_PLAIN: dict[str, _Make] = {
    "new_text": NewText,
    "at_reset": AtReset,
    "option_finished": OptionFinished,
}
_VALUED: dict[str, tuple[_Make, Callable[[str], Any], str]] = {
    "every_n_steps": (EveryNSteps, int, "5"),
    "with_probability": (WithProbability, float, "0.5"),
    "budget_left": (BudgetLeft, float, "0.5"),
    "student_uncertain": (StudentUncertain, float, "0.5"),
    "learned": (_learned, str, "asker.zip"),
}
"""By name: what it makes, how to read what stands behind the colon, and an example of that."""


def condition_of(spec: Condition | str | None) -> Condition | None:
    """Return a condition of its words.

    Names are those of the metrics, with their number or file behind a colon: ``every_n_steps:5``,
    ``learned:asker.zip``. They are combined by ``|`` and ``&``, where ``&`` binds closer.

    :raises ConditionError: it names none

    >>> [part.name for part in condition_of("at_reset | new_text & with_probability:0.5").parts()]
    ['at_reset', 'new_text', 'with_probability']
    """
    if spec is None:
        return None
    if not isinstance(spec, str):
        return checked_condition(spec)
    either: Condition | None = None
    for alternative in spec.split("|"):
        both: Condition | None = None
        for word in alternative.split("&"):
            one = _named(word.strip())
            both = one if both is None else both & one
        assert both is not None
        either = both if either is None else either | both
    return either


def _named(word: str) -> Condition:
    name, colon, value = word.partition(":")
    if name in _PLAIN:
        if colon:
            raise ConditionError(f"{word!r} has a value, expected {name!r} alone.")
        return _PLAIN[name]()
    if name not in _VALUED:
        raise ConditionError(
            f"{word!r} names no condition, expected one of {', '.join((*_PLAIN, *_VALUED))}, such "
            f"as {_SHOWN!r}."
        )
    make, read, example = _VALUED[name]
    try:
        given = read(value.strip())
    except ValueError:
        given = None
    if not colon or given in (None, ""):
        raise ConditionError(f"{word!r} has no value, expected one such as '{name}:{example}'.")
    return make(given)
