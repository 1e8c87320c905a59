"""The embedded model as a litellm provider: ``litellm.completion("local/smollm2-135m", ...)``.

Besides chat, it knows one more argument: ``candidates=[...]``, strings to be scored after the
(last) message. Every candidate comes back as one choice, with its log-probability.
"""

from __future__ import annotations

import math
from typing import Any

from gym_llmteacher.llm.local import LocalModelError, get_model

_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "stop",
    "logprobs", "top_logprobs", "seed", "frequency_penalty", "presence_penalty", "repeat_penalty",
)  # fmt: skip


def register(litellm: Any) -> None:
    """Add the provider ``local`` to an imported litellm, once."""
    if any(entry["provider"] == "local" for entry in litellm.custom_provider_map):
        return
    from litellm.llms.custom_llm import CustomLLM, CustomLLMError

    class EmbeddedLLM(CustomLLM):  # type: ignore[misc]
        def completion(self, *args: Any, **kwargs: Any) -> Any:
            try:
                return _complete(litellm, *args, **kwargs)
            except LocalModelError as error:
                raise CustomLLMError(status_code=400, message=str(error)) from error

    litellm.custom_provider_map.append({"provider": "local", "custom_handler": EmbeddedLLM()})
    litellm.utils.custom_llm_setup()


def _complete(
    litellm: Any,
    model: str,
    messages: list[dict[str, str]],
    optional_params: dict[str, Any],
    **_: Any,
) -> Any:
    options = dict(optional_params)
    options.update(options.pop("extra_body", None) or {})
    local = get_model("local/" + model)
    if options.get("candidates"):
        candidates = [str(c) for c in options["candidates"]]
        scores, prompt_tokens = local.score(str(messages[-1]["content"]), candidates)
        # Log of 0 has no JSON; e^-745 is the smallest double.
        logs = [math.log(s) if s > 0 else -745.0 for s in scores]
        choices = [
            _choice(c, [{"token": c, "logprob": log, "top_logprobs": []}])
            for c, log in zip(candidates, logs, strict=True)
        ]
        used = (prompt_tokens, 0)
    else:
        wanted = {k: options[k] for k in _SAMPLING if options.get(k) is not None}
        raw, *counts = local.chat(messages, n=int(options.get("n") or 1), **wanted)
        choices = [
            _choice(c["message"].get("content") or "", (c.get("logprobs") or {}).get("content"))
            for c in raw
        ]
        used = (counts[0], counts[1])
    return litellm.ModelResponse(
        model="local/" + model,
        choices=[{"index": i, **choice} for i, choice in enumerate(choices)],
        usage={
            "prompt_tokens": used[0],
            "completion_tokens": used[1],
            "total_tokens": sum(used),
        },
    )


def _choice(text: str, content: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
        "logprobs": None if content is None else {"content": content},
    }
