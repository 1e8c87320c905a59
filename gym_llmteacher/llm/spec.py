"""A model as people write it: a name, or a dict of it with litellm's own arguments."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from gym_llmteacher.errors import ModelUnavailableError, TeacherSpecError
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


# What litellm and its providers take besides. Others are refused: a misspelt argument of ours would
# be sent to the provider, and do nothing.
_OTHERS = (
    "api_base", "api_key", "api_version", "base_url", "organization", "custom_llm_provider",
    "extra_headers", "headers", "default_headers", "user", "metadata", "tags", "caching",
    "model_info", "mock_response", "aws_access_key_id", "aws_secret_access_key",
    "aws_session_token",
    "aws_region_name", "aws_profile_name", "aws_role_name", "aws_session_name", "region_name",
    "aws_bedrock_runtime_endpoint", "vertex_project", "vertex_location", "vertex_credentials",
    "azure_ad_token", "azure_ad_token_provider", "tenant_id", "client_id", "client_secret",
    "project", "hf_model_name", "input_cost_per_token", "output_cost_per_token",
    "input_cost_per_second", "output_cost_per_second", "ssl_verify", "client",
    "allowed_openai_params",
    "additional_drop_params", "service_tier", "store", "safety_settings", "safety_identifier",
    "prompt_cache_key", "think", "num_ctx", "num_predict", "num_gpu", "num_thread", "keep_alive",
    "repeat_last_n", "mirostat", "mirostat_eta", "mirostat_tau", "tfs_z", "format", "best_of",
    "use_beam_search", "guided_choice", "guided_json", "chat_template_kwargs", "reasoning",
    "include_reasoning", "provider", "transforms", "models", "route", "modalities",
    "web_search_options",
)  # fmt: skip
VERBATIM = "litellm"
"""Key of a dict of arguments that are passed on as they are, known or not."""


def model_and_options(model: str | Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Split a spec into the model's name and litellm's arguments; ``None``: the embedded model.

    :raises ModelUnavailableError: no name
    :raises TeacherSpecError: arguments that are `LLMTeacher`'s own, or unknown ones

    >>> model_and_options({"model": "openai/x", "temperature": 0.2})
    ('openai/x', {'temperature': 0.2})
    >>> model_and_options({"model": "openai/x", "litellm": {"brand_new": 1}})
    ('openai/x', {'brand_new': 1})
    """
    options: dict[str, Any] = {"model": model} if isinstance(model, str) else dict(model or {})
    name = options.pop("model", DEFAULT_MODEL if model is None else None)
    if not isinstance(name, str) or not name.strip():
        raise ModelUnavailableError(
            f"model is {name!r}, expected a litellm model name such as 'ollama_chat/qwen3', a dict "
            "{'model': name, ...}, or None for the embedded model."
        )
    verbatim: dict[str, Any] = dict(options.pop(VERBATIM, {}))
    for ours in ("num_retries", "max_retries", "timeout", "messages", "n", "stream"):
        if ours in {**options, **verbatim}:
            raise TeacherSpecError(
                f"model has {ours!r} among its arguments, expected litellm's other arguments only. "
                "Cure: timeout, max_retries and samples are arguments of LLMTeacher."
            )
    unknown = [option for option in options if option not in _SAMPLING and option not in _OTHERS]
    if unknown:
        raise TeacherSpecError(_unknown(unknown[0]))
    return name.strip(), {**options, **verbatim}


def _unknown(option: str) -> str:
    known = [*TEACHER_ARGUMENTS, *_SAMPLING, *_OTHERS]
    close = difflib.get_close_matches(option, known, n=1)
    meant = (
        f"did you mean {close[0]!r}? Else" if close else "expected one of LLMTeacher or litellm."
    )
    return (
        f"the teacher has an unknown argument {option!r}; {meant} put what only your provider "
        f'knows into "{VERBATIM}": {{"{option}": ...}}, which is passed on as it is.'
    )


TEACHER_ARGUMENTS = (
    "answers", "elicitation", "task", "guideline", "memory", "samples", "offline", "budget",
    "process_budget", "timeout", "max_retries", "deadline", "concurrency", "rpm", "tpm",
)  # fmt: skip
"""Arguments of `LLMTeacher` that may stand beside litellm's in a dict."""


def check_given_once(written: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Check that no argument is both in a model's dict and beside it.

    :raises TeacherSpecError: one is
    """
    twice = [name for name in written if given.get(name) is not None]
    if twice:
        raise TeacherSpecError(
            f"{', '.join(twice)} is given twice, in the model's dict and beside it; expected it "
            "once."
        )


def teacher_arguments(
    spec: str | Mapping[str, Any] | None,
) -> tuple[str | dict[str, Any] | None, dict[str, Any]]:
    """Take `LLMTeacher`'s own arguments out of a dict.

    >>> teacher_arguments({"model": "openai/x", "temperature": 0.2, "samples": 4})
    ({'model': 'openai/x', 'temperature': 0.2}, {'samples': 4})
    """
    if not isinstance(spec, Mapping):
        return spec, {}
    ours = {name: value for name, value in spec.items() if name in TEACHER_ARGUMENTS}
    rest = {name: value for name, value in spec.items() if name not in ours}
    # A dict of nothing but arguments of ours is about the embedded model.
    return rest if rest or not ours else None, ours
