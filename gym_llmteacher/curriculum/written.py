"""A curriculum as plain data, for the command line: a dict, or a file of YAML or JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from gym_llmteacher.curriculum.callback import CurriculumCallback
from gym_llmteacher.curriculum.curriculum import Curriculum
from gym_llmteacher.curriculum.env import EnvFn
from gym_llmteacher.curriculum.llm_writer import LLMWriter
from gym_llmteacher.curriculum.teacher_writer import TeacherWriter
from gym_llmteacher.curriculum.writers import (
    Adversarial,
    EasyToHard,
    Gap,
    RandomWriter,
    Writer,
)
from gym_llmteacher.data_file import read_data
from gym_llmteacher.errors import CurriculumError

Written = Mapping[str, Any]
_CURRICULUM, _CALLBACK = ("share", "n", "seed"), ("every", "episodes", "restore")
_NEEDED = ("space", "original", "writer")
_WRITERS: dict[str, Callable[[Any], Writer]] = {
    "random": lambda given: RandomWriter(),
    "adversarial": lambda given: Adversarial(),
    "easy_to_hard": EasyToHard,
    "gap": lambda given: Gap(given or (lambda one: 1.0)),
    "teacher": lambda given: TeacherWriter(**given),
    "model": lambda given: LLMWriter(**given) if isinstance(given, dict) else LLMWriter(given),
}


def read_curriculum(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of YAML, or of JSON if its name ends so.

    :raises CurriculumError: there is none, it is neither, or it does not say what is needed
    """
    return read_data(path, "a curriculum", "docs/curricula.md has one", CurriculumError)


def curriculum_of(written: Written, env_fn: EnvFn) -> tuple[Curriculum, CurriculumCallback]:
    """Return a new curriculum, and what runs it in a training.

    :param written: ``space``, ``original`` and ``writer``; ``share``, ``n``, ``seed`` of
        `Curriculum`; ``every``, ``episodes``, ``restore`` of `CurriculumCallback`
    :raises CurriculumError: something is missing, unknown, or cannot be

    >>> written = {"space": {"size": {"enum": [5, 6]}}, "original": {"size": 6}, "n": 1,
    ...            "writer": {"easy_to_hard": [{"size": 5}]}, "every": 1000}
    >>> curriculum, callback = curriculum_of(written, lambda size: None)
    >>> curriculum.n, callback.every
    (1, 1000)
    """
    unknown = sorted(set(written) - {*_NEEDED, *_CURRICULUM, *_CALLBACK})
    missing = sorted(set(_NEEDED) - set(written))
    if unknown or missing:
        raise CurriculumError(
            f"the curriculum has {', '.join(map(repr, unknown)) or 'nothing unknown'} and lacks "
            f"{', '.join(missing) or 'nothing'}, expected {', '.join(_NEEDED)}, and any of "
            f"{', '.join((*_CURRICULUM, *_CALLBACK))}."
        )
    try:
        curriculum = Curriculum(
            env_fn,
            written["space"],
            writer_of(written["writer"]),
            written["original"],
            **{name: written[name] for name in _CURRICULUM if name in written},
        )
        arguments = {name: written[name] for name in _CALLBACK if name in written}
        return curriculum, CurriculumCallback(curriculum, **arguments)
    except (TypeError, AttributeError) as error:
        raise CurriculumError(
            f"the curriculum {dict(written)!r} has a value of the wrong kind ({error})."
        ) from None


def writer_of(written: Any) -> Writer:
    """Return a writer of its name, or of a dict of its name and what it takes.

    :raises CurriculumError: there is none of this name, or it lacks what it takes

    >>> type(writer_of("random")).__name__, writer_of({"easy_to_hard": [{"size": 5}]}).ladder
    ('RandomWriter', [{'size': 5}])
    """
    name, given = written, None
    if isinstance(written, Mapping) and len(written) == 1:
        ((name, given),) = written.items()
    if not isinstance(name, str) or name not in _WRITERS:
        raise CurriculumError(
            f"writer is {written!r}, expected one of {', '.join(_WRITERS)}, such as "
            "{'easy_to_hard': [{'size': 5}, {'size': 6}]}."
        )
    return _WRITERS[name](given or ([] if name == "easy_to_hard" else None))
