"""Subgoals as plain data, for the command line: a name, JSON, or a file of YAML or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gym_llmteacher.data_file import read_data
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.subgoals.bonus import make_bonus
from gym_llmteacher.subgoals.encodings import ENCODINGS, encoding_named

ARGUMENTS = ("encoding", "bonus", "alpha", "dropout", "teacher")
"""Those of `SubgoalWrapper` that are plain data; the others come from the training."""
_FORMS = (
    f'{", ".join(ENCODINGS)}; JSON such as \'{{"encoding": "words", "dropout": 0.3}}\'; or a file '
    "of YAML or JSON"
)


def read_subgoals(typed: str) -> dict[str, Any]:
    """Read what was typed.

    :param typed: name of an encoding, JSON, or a file of YAML, or of JSON if its name ends so
    :raises GroundingError: it is none of these, or says what cannot be

    >>> read_subgoals("words"), read_subgoals('{"dropout": 0.3}')
    ({'encoding': 'words'}, {'dropout': 0.3})
    """
    if typed in ENCODINGS:
        return {"encoding": typed}
    written: Any
    if typed.lstrip().startswith("{"):
        try:
            written = json.loads(typed)
        except json.JSONDecodeError as error:
            raise GroundingError(
                f"subgoals are {typed!r}, which is no JSON ({error}), expected {_FORMS}."
            ) from None
    elif Path(typed).is_file():
        written = read_data(typed, "subgoals", "docs/subgoals.md has some", GroundingError)
    else:
        raise GroundingError(
            f"subgoals are {typed!r}, which is no encoding and no file, expected {_FORMS}."
        )
    check_written(written)
    return dict(written)


def check_written(written: Mapping[str, Any]) -> None:
    """Check what can be checked without an env.

    :param written: any of `ARGUMENTS`
    :raises GroundingError: one is unknown, or has a value that cannot be

    >>> check_written({"dropout": 1.0})
    Traceback (most recent call last):
    gym_llmteacher.errors.GroundingError: dropout of the subgoals is 1.0, expected a share in ...
    """
    unknown = sorted(map(str, set(written) - set(ARGUMENTS)))
    if unknown:
        raise GroundingError(
            f"the subgoals have {', '.join(map(repr, unknown))}, expected any of "
            f"{', '.join(ARGUMENTS)}. Cure: leave it out; gamma is the student's, and workers is "
            "an option of its own."
        )
    encoding, bonus = written.get("encoding", "relative"), written.get("bonus", "instalments")
    for name, value in (("encoding", encoding), ("bonus", bonus)):
        if not isinstance(value, str):
            raise GroundingError(f"{name} of the subgoals is {value!r}, expected its name.")
    encoding_named(encoding, has_targets=True)
    alpha, dropout = written.get("alpha"), written.get("dropout", 0.0)
    if alpha is not None and not _is_number(alpha):
        raise GroundingError(f"alpha of the subgoals is {alpha!r}, expected a number, 0 or more.")
    make_bonus(bonus, alpha, gamma=1.0, longest=1)
    if not _is_number(dropout) or not 0.0 <= dropout < 1.0:
        raise GroundingError(
            f"dropout of the subgoals is {dropout!r}, expected a share in [0, 1): with 1 the "
            "student would see none."
        )
    teacher = written.get("teacher")
    if teacher is not None and not isinstance(teacher, (str, Mapping, list)):
        raise GroundingError(
            f"teacher of the subgoals is {teacher!r}, expected a name such as "
            "'script:door_key_planner', or names and values as for --teacher. Cure: leave it out, "
            "and the training's own teacher is asked."
        )


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)
