"""Make a teacher of what a user wrote."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.teachers.base import Teacher

TeacherSpec = str | Mapping[str, Any] | Teacher | Sequence["TeacherSpec"] | None

# Wrappers of many envs in one process that name the same teacher share it: one model in memory,
# one connection, one count of calls. Weak: it goes when the last env has gone.
_shared: weakref.WeakValueDictionary[str, Teacher] = weakref.WeakValueDictionary()


def make_teacher(
    spec: TeacherSpec = None,
    answers: str | os.PathLike[str] | None = None,
    elicitation: str | None = None,
    **arguments: Any,
) -> Teacher:
    """Return the teacher that ``spec`` names, shared within the process.

    :param spec: ``None`` (the embedded model), a litellm model name, a dict with ``"model"`` and
        litellm's own arguments, ``{"script": name}``, a `Teacher`, which is returned as it is, or
        a list of these: a cascade
    :param answers: path of the answers file, for language models
    :param elicitation: how to ask, for language models
    :param arguments: more arguments of `LLMTeacher`, for language models
    :raises ModelUnavailableError: ``spec`` is none of these, or names no model

    >>> type(make_teacher({"script": "door_key_planner"})).__name__
    'ScriptedTeacher'
    """
    if isinstance(spec, Teacher):
        return spec
    if isinstance(spec, (list, tuple)):
        from gym_llmteacher.teachers.cascade import CascadeTeacher

        return CascadeTeacher(
            [make_teacher(one, answers, elicitation, **arguments) for one in spec]
        )
    if spec is not None and not isinstance(spec, (str, Mapping)):
        raise ModelUnavailableError(
            f"teacher is {spec!r} ({type(spec).__name__}), expected None, a litellm model name "
            'such as "ollama_chat/qwen3", a dict {"model": ...}, or a Teacher.'
        )
    path = None if answers is None else os.fspath(answers)
    key = json.dumps([spec, path, elicitation, arguments], sort_keys=True, default=repr)
    teacher = _shared.get(key)
    if teacher is None:
        teacher = _make(spec, path, elicitation, arguments)
        _shared[key] = teacher
    return teacher


def _make(
    spec: str | Mapping[str, Any] | None,
    answers: str | None,
    elicitation: str | None,
    arguments: Mapping[str, Any],
) -> Teacher:
    if isinstance(spec, Mapping) and "script" in spec:
        from gym_llmteacher.teachers.scripted import ScriptedTeacher

        return ScriptedTeacher.named(str(spec["script"]))
    from gym_llmteacher.teachers.llm import LLMTeacher

    model = dict(spec) if isinstance(spec, Mapping) else spec
    return LLMTeacher(model, answers=answers, elicitation=elicitation, **arguments)
