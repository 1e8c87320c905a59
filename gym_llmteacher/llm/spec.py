"""A model as people write it: a name, or a dict of it with litellm's own arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.llm.local import DEFAULT_MODEL

# Options of a model that change what it may answer, so they belong to a question's identity. All
# others (keys, addresses, time-outs) do not: an answer is good wherever it was computed.
_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "stop", "seed",
    "frequency_penalty", "presence_penalty", "repeat_penalty", "reasoning_effort", "thinking",
    "verbosity", "logit_bias", "logprobs", "top_logprobs", "response_format", "drop_params",
    "extra_body",
)  # fmt: skip


def sampling_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options of a model that change what it may answer.

    >>> sampling_options({"temperature": 0.2, "api_base": "http://..."})
    {'temperature': 0.2}
    """
    return {name: value for name, value in options.items() if name in _SAMPLING}


def model_and_options(model: str | Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Split a spec into the model's name and litellm's arguments; ``None``: the embedded model.

    :raises ModelUnavailableError: no name, or arguments that are `LLMTeacher`'s own

    >>> model_and_options({"model": "openai/x", "temperature": 0.2})
    ('openai/x', {'temperature': 0.2})
    """
    options = {"model": model} if isinstance(model, str) else dict(model or {})
    name = options.pop("model", DEFAULT_MODEL if model is None else None)
    if not isinstance(name, str) or not name.strip():
        raise ModelUnavailableError(
            f"model is {name!r}, expected a litellm model name such as 'ollama_chat/qwen3', a dict "
            "{'model': name, ...}, or None for the embedded model."
        )
    for ours in ("num_retries", "max_retries", "timeout", "messages", "n", "stream"):
        if ours in options:
            raise ModelUnavailableError(
                f"model has {ours!r} among its arguments, expected litellm's other arguments only. "
                "Cure: timeout, max_retries and samples are arguments of LLMTeacher."
            )
    return name.strip(), options
