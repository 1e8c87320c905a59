"""Ways of asking by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.elicitation.branches import Branches
from gym_llmteacher.llm.elicitation.letters import Logprobs
from gym_llmteacher.llm.elicitation.plans import Samples
from gym_llmteacher.llm.elicitation.scoring import NextSubgoal
from gym_llmteacher.llm.elicitation.structured import Structured
from gym_llmteacher.llm.elicitation.subgoals import SubgoalSamples
from gym_llmteacher.llm.elicitation.suited import Suited
from gym_llmteacher.llm.elicitation.weights import Weights
from gym_llmteacher.llm.local import DEFAULT_MODEL, is_local
from gym_llmteacher.llm.template import Template

ElicitationSpec = str | Mapping[str, Any] | Elicitation | None

ELICITATIONS: dict[str, Callable[..., Elicitation]] = {
    "subgoal": SubgoalSamples,
    "samples": Samples,
    "logprobs": Logprobs,
    "structured": Structured,
    "weights": Weights,
    "branches": Branches,
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


def elicitation_for(spec: ElicitationSpec, model: str, samples: int | None = None) -> Elicitation:
    """Make an elicitation of what a user wrote.

    :param spec: a name; a dict of ``"name"`` and its arguments (``{"name": "samples", "k": 5,
        "example": "..."}``); an `Elicitation`; ``None``: the next subgoal, where the grounding
        names some, and else (for the embedded model) the next option or (for all others) reasoned
        plans. ``"samples:prompt.txt"`` and ``"logprobs:prompt.txt"`` ask with the prompt in that
        file; see `gym_llmteacher.llm.template`
    :param samples: how many samples to ask for (``None``: as many as is usual for that way)
    :raises TeacherSpecError: unknown name or arguments, one that scores for a model that cannot be
        asked to, or a prompt file that cannot be read
    """
    if isinstance(spec, Elicitation):
        return _checked(spec, model)
    arguments = dict(spec) if isinstance(spec, Mapping) else {}
    written = arguments.pop("name", None) if isinstance(spec, Mapping) else spec
    if written is None and not arguments:
        return NextSubgoal() if is_local(model) else _suited(samples)
    written = written or "samples"
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
    if factory is SubgoalSamples and is_local(model) and not arguments and samples is None:
        return NextSubgoal()  # exact, and cheaper than one sample
    if path:
        arguments["template"] = Template.load(path)
    if samples is not None and "k" in getattr(factory, "__dataclass_fields__", ()):
        arguments.setdefault("k", samples)
    try:
        return _checked(factory(**arguments), model)
    except TypeError as error:
        raise TeacherSpecError(
            f"elicitation {name!r} with {', '.join(arguments)}: {error}."
        ) from None


def _suited(samples: int | None) -> Elicitation:
    return Suited() if samples is None else Suited(SubgoalSamples(samples), Samples(samples))


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
