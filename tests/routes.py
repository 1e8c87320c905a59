"""What each provider refuses, in its own words: one route per kind of model in wide use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.strict_servers import Route, Rule, limit_of


def no(name: str, message: str, status: int = 400) -> Rule:
    """Refuse a request that has this argument."""
    return lambda body: (status, message) if name in body else None


def at_most(most: int, message: str, status: int = 400) -> Rule:
    """Refuse to give more samples at once."""

    def rule(body: dict[str, Any]) -> tuple[int, str] | None:
        config = body.get("generationConfig", {})
        n = int(body.get("n") or config.get("candidateCount") or config.get("candidate_count") or 1)
        return (status, message.format(n=n)) if n > most else None

    return rule


def when(holds: Callable[[dict[str, Any]], object], status: int, message: str) -> Rule:
    """Refuse what a condition holds for."""
    return lambda body: (status, message) if holds(body) else None


def known_only(*names: str) -> Rule:
    """Refuse any argument that is not known, as servers with a strict schema do."""

    def rule(body: dict[str, Any]) -> tuple[int, str] | None:
        extra = sorted(set(body) - {"model", "messages", "temperature", "max_tokens", *names})
        return (422, f"Extra inputs are not permitted: {extra[0]}") if extra else None

    return rule


GPT5 = (
    no("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
       "'max_completion_tokens' instead."),
    when(lambda b: b.get("temperature", 1) != 1, 400, "Unsupported value: 'temperature' does not "
         "support 0.7 with this model. Only the default (1) value is supported."),
    no("top_p", "Unsupported parameter: 'top_p' is not supported with this model."),
    no("logprobs", "You are not allowed to request logprobs from this model", 403),
    when(lambda b: (limit_of(b) or 9999) < 1400, 400, "Could not finish the message because "
         "max_tokens or model output limit was reached. Please try again with higher max_tokens."),
)  # fmt: skip
CLAUDE = (
    when(lambda b: "max_tokens" not in b, 400, "max_tokens: Field required"),
    when(lambda b: "temperature" in b and "top_p" in b, 400, "`temperature` and `top_p` cannot "
         "both be specified for this model. Please use only one."),
    no("n", "n: Extra inputs are not permitted"),
    no("logprobs", "logprobs: Extra inputs are not permitted"),
)  # fmt: skip
CLAUDE5 = (
    *CLAUDE,
    no("temperature", "`temperature` is deprecated for this model."),
    no("top_p", "`top_p` is deprecated for this model."),
)
GEMINI2 = at_most(8, "Invalid value at 'generation_config.candidate_count': must be in the range "
                     "from 1 to 8")  # fmt: skip
GEMINI3 = at_most(1, "Multiple candidates is not enabled for this model")
GROQ = (
    at_most(1, "'n' : number must be at most 1"),
    no("logprobs", "property 'logprobs' is unsupported, did you mean 'tools'?"),
)
DEEPSEEK = at_most(1, "Invalid n value (currently only n = 1 is supported)")
LLAMA = "Value must be between 1 <= value <= 1, but got {n}"
BELOW_15 = (at_most(1, "n_probs > 0 and n > 1 is not supported", 500),)
AZURE = {"api_version": "2024-10-21"}


def openai(model: str, *rules: Rule, **more: Any) -> Route:
    """A route in OpenAI's format."""
    return Route(model, rules, **more)


ROUTES = {
    "gpt-4o-mini": openai("openai/gpt-4o-mini"),
    "gpt-4.1": openai("openai/gpt-4.1"),
    "gpt-5": openai("openai/gpt-5", *GPT5, thinks=1399),
    "gpt-5-mini": openai("openai/gpt-5-mini", *GPT5, thinks=1399),
    "gpt-5.5": openai("openai/gpt-5.5", *GPT5, thinks=1399),
    "o3": openai("openai/o3", *GPT5, thinks=1399),
    "o4-mini": openai("openai/o4-mini", *GPT5, thinks=1399),
    "gpt-5.1": openai("openai/gpt-5.1"),
    "gpt-5.2": openai("openai/gpt-5.2"),
    "azure gpt-4o-mini": openai("azure/prod", path="", options=AZURE),
    "azure gpt-5": openai("azure/prod-5", *GPT5, thinks=1399, path="", options=AZURE),
    "claude-sonnet-4-5": Route("anthropic/claude-sonnet-4-5", CLAUDE, wire="anthropic", path=""),
    "claude-haiku-4-5": Route("anthropic/claude-haiku-4-5", CLAUDE, wire="anthropic", path=""),
    "claude-opus-4-1": Route("anthropic/claude-opus-4-1", CLAUDE, wire="anthropic", path=""),
    "claude-opus-4-7": Route("anthropic/claude-opus-4-7", CLAUDE5, wire="anthropic", path=""),
    "claude-sonnet-5": Route("anthropic/claude-sonnet-5", CLAUDE5, wire="anthropic", path=""),
    "gemini-2.0-flash": Route("gemini/gemini-2.0-flash", (GEMINI2,), wire="gemini", path=""),
    "gemini-2.5-flash": Route("gemini/gemini-2.5-flash", (GEMINI2,), wire="gemini", path="",
                              thinks=700),
    "gemini-3-pro": Route("gemini/gemini-3-pro-preview", (GEMINI3,), wire="gemini", path="",
                          thinks=1200),
    "groq llama": openai("groq/llama-3.3-70b-versatile", *GROQ),
    "groq qwen3": openai("groq/qwen/qwen3-32b", *GROQ, thinks=600, tagged=True),
    "deepseek-chat": openai("deepseek/deepseek-chat", DEEPSEEK),
    "deepseek-reasoner": openai("deepseek/deepseek-reasoner", DEEPSEEK, thinks=900),
    "mistral": openai("mistral/mistral-small-latest", known_only("n", "top_p", "stop", "stream")),
    "openrouter": openai("openrouter/qwen/qwen3-8b", honours_n=False, thinks=500),
    "openrouter llama": openai("openrouter/meta-llama/llama-3.3-70b-instruct", honours_n=False),
    "ollama": Route("ollama_chat/llama3.2", wire="ollama", path="", honours_n=False),
    "ollama qwen3": Route("ollama_chat/qwen3", wire="ollama", path="", honours_n=False, thinks=800),
    "ollama qwen3, tags": Route("ollama_chat/qwen3:old", wire="ollama", path="", honours_n=False,
                                thinks=800, tagged=True),
    "vllm": openai("hosted_vllm/qwen2.5"),
    "vllm, thinks": openai("openai/qwen3", thinks=1000, tagged=True),
    "llama.cpp": openai("openai/gguf", at_most(1, LLAMA)),
    "llama.cpp, older": openai("openai/gguf", *BELOW_15),
    "llama.cpp, no system": openai("openai/gemma", at_most(1, LLAMA), when(
        lambda b: b["messages"][0]["role"] == "system", 400, "System role not supported")),
    "lm studio": openai("openai/local-model", honours_n=False, thinks=300, tagged=True),
    "xai": openai("xai/grok-3"),
}  # fmt: skip
