"""What several commands of the command line take, and how it is read."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

SIMPLE = "LLMTeacher/SimpleDoorKey-v0"
EnvOption = Annotated[
    str, typer.Option("--env", help="Gymnasium env id; LLMTeacher/{Simple,Lava,Colored,Diverged}"
                      "DoorKey-v0 come with this package.")
]  # fmt: skip
TeacherOption = Annotated[
    str,
    typer.Option(
        help="Who teaches: 'embedded' (a small language model on this machine), a litellm model "
        "name such as ollama_chat/qwen3 or openai/gpt-4o-mini, JSON with litellm's own arguments "
        'such as \'{"model": "openai/x", "api_base": "http://..."}\', or script:NAME such as '
        "script:door_key_planner."
    ),
]
ElicitationOption = Annotated[
    str | None,
    typer.Option(help="How a language model is asked: subgoal, samples, logprobs, structured, "
                 "weights or branches (default: subgoal where the env has some, else samples)."),
]  # fmt: skip


def teacher_spec(value: str) -> str | dict[str, Any]:
    """Read what was typed for ``--teacher``: JSON, or a name.

    >>> teacher_spec("embedded"), teacher_spec('{"script": "door_key_planner"}')
    ('embedded', {'script': 'door_key_planner'})
    """
    if not value.lstrip().startswith("{"):
        return value
    spec = json_of(value, "--teacher")
    assert isinstance(spec, dict)
    return spec


def json_of(text: str, option: str) -> Any:
    """Read JSON that was typed for an option.

    :raises typer.BadParameter: it is none
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(
            f"{option} is {text!r}, which is neither a number nor JSON ({error})."
        ) from None
