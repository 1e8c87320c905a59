"""Ways of asking by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.elicit import Logprobs, NextSubgoal, Samples
from gym_llmteacher.llm.elicitation import Elicitation
from gym_llmteacher.llm.local import DEFAULT_MODEL, is_local
from gym_llmteacher.llm.template import Template

ElicitationSpec = str | Mapping[str, Any] | Elicitation | None

ELICITATIONS: dict[str, Callable[..., Elicitation]] = {
    "subgoal": NextSubgoal,
    "samples": Samples,
    "logprobs": Logprobs,
}


def register_elicitation(name: str, factory: Callable[..., Elicitation]) -> None:
    """Have ``elicitation=name`` ask in a way of your own.

    :param factory: the class, or a function of the dict's other items
    :raises TeacherSpecError: the factory is no function

    >>> register_elicitation("one sample", lambda: Samples(k=1))
    >>> elicitation_for("one sample", "openai/gpt-4o-mini").question.__self__.k
    1
    """
    if not callable(factory):
        raise TeacherSpecError(
            f"factory is {factory!r}, expected a class derived from Elicitation."
        )
    ELICITATIONS[name] = factory


def elicitation_for(spec: ElicitationSpec, model: str, samples: int = 10) -> Elicitation:
    """Make an elicitation of what a user wrote.

    :param spec: a name; a dict of ``"name"`` and its arguments (``{"name": "samples", "k": 5,
        "example": "..."}``); an `Elicitation`; ``None``: subgoal for the embedded model, samples
        for all others. ``"samples:prompt.txt"`` and ``"logprobs:prompt.txt"`` ask with the prompt
        in that file; see `gym_llmteacher.llm.template`
    :param samples: how many plans ``"samples"`` asks for
    :raises TeacherSpecError: unknown name or arguments, one that scores for a model that cannot be
        asked to, or a prompt file that cannot be read
    """
    if isinstance(spec, Elicitation):
        return _checked(spec, model)
    arguments = dict(spec) if isinstance(spec, Mapping) else {}
    written = arguments.pop("name", None) if isinstance(spec, Mapping) else spec
    written = written or ("subgoal" if is_local(model) else "samples")
    if not isinstance(written, str):
        raise TeacherSpecError(
            f'elicitation is {spec!r}, expected {_names()}, a dict with "name", an Elicitation, or '
            "None (chosen by the model)."
        )
    name, _, path = written.partition(":")
    factory = ELICITATIONS.get(name)
    if factory is None:
        raise TeacherSpecError(
            f"elicitation is {name!r}, expected {_names()} or None (chosen by the model)."
        )
    if path:
        arguments["template"] = Template.load(path)
    if factory is Samples:
        arguments.setdefault("k", samples)
    try:
        return _checked(factory(**arguments), model)
    except TypeError as error:
        raise TeacherSpecError(
            f"elicitation {name!r} with {', '.join(arguments)}: {error}."
        ) from None


def _names() -> str:
    return ", ".join(map(repr, ELICITATIONS))


def _checked(elicitation: Elicitation, model: str) -> Elicitation:
    if elicitation.scores and not is_local(model):
        raise TeacherSpecError(
            f"elicitation={elicitation.name!r} scores candidates exactly, which {model!r} cannot "
            f"be asked for through its API; expected the embedded model ({DEFAULT_MODEL!r} or "
            "'local//path/to/a/model.gguf'). Cure: use elicitation='samples' or 'logprobs'."
        )
    return elicitation
