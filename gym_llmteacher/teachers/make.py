"""Make a teacher of what a user wrote, in Python, YAML or on the command line.

========================================== ========================================================
written                                    teacher
========================================== ========================================================
``None``, ``"embedded"``                   the embedded language model
``"openai/gpt-4o-mini"``                   a language model, by its litellm name
``{"model": ..., "samples": 4, ...}``      the same, with arguments of `LLMTeacher` and of litellm
``"script:door_key_planner"``,             a script (`gym_llmteacher.teachers.scripted`)
``{"script": "door_key_planner"}``
``{"policy": "expert.zip"}``               an SB3 policy
``{"simulated": spec, "accuracy": 0.7}``   another teacher, with mistakes
``{"process": spec, "workers": 16}``       another teacher, in a process of its own
``[spec, spec, ...]``,                     a cascade; the larger model only where the smaller is
``{"cascade": [...], "until": 0.8}``       unsure
a `Teacher`                                itself
========================================== ========================================================

`register_teacher` adds a line to this table.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.redact import without_secrets
from gym_llmteacher.llm.spec import TEACHER_ARGUMENTS, check_given_once
from gym_llmteacher.teachers.base import Teacher

TeacherSpec = str | Mapping[str, Any] | Teacher | Sequence["TeacherSpec"] | None

# Wrappers of many envs in one process that name the same teacher share it: one model in memory,
# one connection, one count of calls. Weak: it goes when the last env has gone.
_shared: weakref.WeakValueDictionary[str, Teacher] = weakref.WeakValueDictionary()


def _script(name: Any) -> Teacher:
    from gym_llmteacher.teachers.scripted import ScriptedTeacher

    return ScriptedTeacher.named(str(name))


def _policy(path: Any) -> Teacher:
    from gym_llmteacher.teachers.policy import PolicyTeacher

    return PolicyTeacher(path)


def _simulated(spec: Any, accuracy: float, seed: int = 0, soft: bool = False) -> Teacher:
    from gym_llmteacher.teachers.simulated import SimulatedTeacher

    return SimulatedTeacher(make_teacher(spec), accuracy, seed, soft)


def _process(spec: Any, workers: int = 16) -> Teacher:
    return in_process(make_teacher(spec), workers)


def _cascade(
    specs: list[TeacherSpec], until: float | None = None, small_until: int | None = None
) -> Teacher:
    from gym_llmteacher.teachers.cascade import CascadeTeacher, Sure

    sure = None if until is None else Sure(until)
    return CascadeTeacher([make_teacher(spec) for spec in specs], sure, small_until)


_KINDS: dict[str, Callable[..., Teacher]] = {
    "script": _script,
    "policy": _policy,
    "simulated": _simulated,
    "process": _process,
    "cascade": _cascade,
}


def register_teacher(kind: str, factory: Callable[..., Teacher]) -> None:
    """Have ``{kind: value, ...}`` mean a teacher of yours.

    :param factory: called with the value, and the dict's other items as keyword arguments
    :raises TeacherSpecError: the factory is no function

    >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
    >>> register_teacher("always", lambda option: ScriptedTeacher(lambda here: (option,)))
    >>> type(make_teacher({"always": "explore"})).__name__
    'ScriptedTeacher'
    """
    if not callable(factory):
        raise TeacherSpecError(f"factory is {factory!r}, expected a function that makes a Teacher.")
    _KINDS[kind] = factory


def make_teacher(
    spec: TeacherSpec = None,
    answers: str | os.PathLike[str] | None = None,
    elicitation: Any = None,
    **arguments: Any,
) -> Teacher:
    """Return the teacher that ``spec`` names, shared within the process.

    :param spec: see the table of this module
    :param answers: path of the answers file, for language models
    :param elicitation: how to ask, for language models
    :param arguments: more arguments of `LLMTeacher`, for language models
    :raises TeacherSpecError: ``spec`` names no teacher, has unknown arguments, or is no language
        model and got arguments of one
    :raises ModelUnavailableError: the model's name cannot be one

    >>> type(make_teacher({"script": "door_key_planner"})).__name__
    'ScriptedTeacher'
    """
    path = None if answers is None else os.fspath(answers)
    given = _without_none({"answers": path, "elicitation": elicitation, **arguments})
    spec = _written(spec)
    if isinstance(spec, (list, tuple)):
        from gym_llmteacher.teachers.cascade import CascadeTeacher

        if given and not any(is_language_model(one) for one in spec):
            raise _not_a_model(spec, given)
        return CascadeTeacher(
            [make_teacher(one, **given if is_language_model(one) else {}) for one in spec]
        )
    spec = with_arguments(spec, **given)
    if isinstance(spec, Teacher):
        return spec
    if spec is not None and not isinstance(spec, (str, Mapping)):
        raise TeacherSpecError(
            f"teacher is {spec!r} ({type(spec).__name__}), expected None, a litellm model name "
            'such as "ollama_chat/qwen3", a dict {"model": ...}, "script:NAME", or a Teacher.'
        )
    key = json.dumps(spec, sort_keys=True, default=repr)
    teacher = _shared.get(key)
    if teacher is None:
        teacher = _shared[key] = _make(spec)
    return teacher


def is_language_model(spec: TeacherSpec) -> bool:
    """Whether this names one language model, which has an answers file.

    >>> is_language_model("openai/gpt-4o-mini"), is_language_model("script:door_key_planner")
    (True, False)
    """
    spec = _written(spec)
    return (
        spec is None or isinstance(spec, str) or (isinstance(spec, Mapping) and _kind(spec) is None)
    )


def with_arguments(spec: TeacherSpec, **given: Any) -> TeacherSpec:
    """Add arguments of `LLMTeacher` to what a user wrote; those that are ``None`` are left out.

    :raises TeacherSpecError: ``spec`` is no language model's, or has one of them already

    >>> with_arguments("openai/x", elicitation="logprobs", samples=None)
    {'model': 'openai/x', 'elicitation': 'logprobs'}
    >>> with_arguments("embedded", elicitation="logprobs")
    {'elicitation': 'logprobs'}
    """
    given = _without_none(given)
    if not given:
        return spec
    if not is_language_model(spec):
        raise _not_a_model(spec, given)
    written = _written(spec)
    if written is None:
        return given  # the embedded model has no name
    form = dict(written) if isinstance(written, Mapping) else {"model": written}
    check_given_once(form, given)
    return {**form, **given}


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def in_process(teacher: Teacher, workers: int) -> Teacher:
    """Return this teacher in a process of its own, which all wrappers of this process share."""
    from gym_llmteacher.teachers.process import ProcessTeacher

    # Its `ProcessTeacher` keeps a teacher alive: no other can have its id meanwhile.
    key = f"process {id(teacher)} {workers}"
    shared = _shared.get(key)
    if shared is None:
        shared = _shared[key] = ProcessTeacher(teacher, workers)
    return shared


def _written(spec: TeacherSpec) -> TeacherSpec:
    """What the short forms stand for."""
    if spec == "embedded":
        return None
    if isinstance(spec, str) and spec.startswith("script:"):
        return {"script": spec.removeprefix("script:")}
    if isinstance(spec, str) and spec in _KINDS:
        raise TeacherSpecError(
            f'teacher is {spec!r}, expected a value for it, as in {{"{spec}": ...}}; a script is '
            'written "script:NAME".'
        )
    if isinstance(spec, str) and "/" not in spec and spec.endswith("_planner"):
        raise TeacherSpecError(
            f"teacher is {spec!r}, which names no language model (those are written "
            f'"provider/model"). If the script is meant, write "script:{spec}".'
        )
    return spec


def _kind(spec: Mapping[str, Any]) -> str | None:
    return next((name for name in spec if name in _KINDS), None)


def _not_a_model(spec: Any, given: Mapping[str, Any]) -> TeacherSpecError:
    return TeacherSpecError(
        f"{', '.join(given)} came with the teacher {_shown(spec)}, which is no model's name or "
        "dict and would ignore it. Cure: pass it to that teacher itself, or leave it out."
    )


def _shown(spec: Any) -> str:
    """A spec without its keys."""
    if isinstance(spec, (list, tuple)):
        return f"[{', '.join(map(_shown, spec))}]"
    return repr(without_secrets(spec) if isinstance(spec, Mapping) else spec)


def _make(spec: str | Mapping[str, Any] | None) -> Teacher:
    kind = _kind(spec) if isinstance(spec, Mapping) else None
    if isinstance(spec, Mapping) and kind is not None:
        rest = {name: value for name, value in spec.items() if name != kind}
        try:
            return _KINDS[kind](spec[kind], **rest)
        except TypeError as error:
            raise TeacherSpecError(f"teacher {without_secrets(spec)!r}: {error}.") from None
    if isinstance(spec, Mapping) and "model" not in spec:
        unknown = set(spec) - set(TEACHER_ARGUMENTS)
        if unknown or not spec:
            raise TeacherSpecError(
                f'teacher has {sorted(unknown)!r} and no "model"; expected a dict with "model", or '
                f"one of {', '.join(map(repr, _KINDS))}."
            )
    from gym_llmteacher.teachers.llm import LLMTeacher

    return LLMTeacher(dict(spec) if isinstance(spec, Mapping) else spec)
