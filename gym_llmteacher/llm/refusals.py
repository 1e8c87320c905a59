"""What a refused request can do without: read from the provider's own words.

Lists of what each model takes are wrong (litellm says that Gemini, Groq, DeepSeek and every
OpenAI-like server take ``n``), so the server is asked, and believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gym_llmteacher.llm.accepts import LIMITS, Accepts

_SAMPLES = re.compile(
    r"""['"`]n['"`] | \bn\b\s*(?:is|was|must|should|has|=|>|<|:|parameter|value|greater)
    | (?:parameter|argument|field|param)s?:?\s+n\b | candidate | number\ of\ (?:choices|completions)
    | only\ one\ (?:completion|choice)""",
    re.I | re.X,
)
_AT_MOST = re.compile(
    r"(?:at most|maximum(?: value)?(?: of| is)?|no more than|up to|less than or equal to|<=|"
    r"between 1 and|from 1 to|range of 1 to|1 -)\s*(\d+)",
    re.I,
)
_SYSTEM = re.compile(
    r"system.{0,30}(?:not supported|unsupported|not allowed|must)|(?:no|not support).{0,20}system|"
    r"roles must alternate",
    re.I,
)
_NUMBER = re.compile(r"\d+")
# What may be left out, the likeliest first, where a refusal names nothing.
_OPTIONAL = (
    "n", "response_format", "logprobs", "temperature", "top_p", "seed", "stop", "max_tokens",
)  # fmt: skip
# Arguments that make no sense without each other.
_TOGETHER = {"logprobs": ("logprobs", "top_logprobs"), "top_logprobs": ("logprobs", "top_logprobs")}
_SPELLINGS = {
    "response_format": r"response[_ ]?format|json[_ ]?schema|structured output|"
    r"response_?mime_?type|response_?schema",
    "logprobs": r"(?:response_?)?log[_ ]?prob(?:ability|abilitie|s)*",
    "stop": r"stop(?:_sequences?)?",
}


def adapted(
    accepts: Accepts, message: str, sent: Mapping[str, Any], users: Mapping[str, Any]
) -> Accepts | None:
    """What is known after a refusal that says what it is about; ``None`` where it does not.

    :param message: the provider's words
    :param sent: the arguments of the request
    :param users: those of them that the user wrote; they are never taken away

    >>> adapted(Accepts(), "'n' : number must be at most 1", {"n": 10}, {}).samples
    1
    >>> adapted(Accepts(), "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.",
    ...         {"max_tokens": 64}, {}).limit
    'max_completion_tokens'
    >>> adapted(Accepts(), "quota exceeded", {"n": 10}, {}) is None
    True
    """
    limit = next((name for name in LIMITS if sent.get(name) is not None), None)
    other = LIMITS[1 - LIMITS.index(limit)] if limit else ""
    if limit and re.search(rf"\b{other}\b", message) and accepts.limit != other:
        return replace(accepts, limit=other)
    if int(sent.get("n") or 1) > 1 and _about_samples(message, sent["n"]):
        return replace(accepts, samples=_bound(message, int(sent["n"])))
    ours = [name for name in sent if name not in users and name not in (*LIMITS, "n")]
    named = [name for name in ours if _names(message, name)]
    if named:
        return accepts.without(*(n for name in named for n in _TOGETHER.get(name, (name,))))
    if limit and limit not in users and _names(message, limit):
        return _resized(accepts, message, int(sent[limit]))
    if accepts.system and _SYSTEM.search(message):
        return replace(accepts, system=False)
    return None


def guesses(accepts: Accepts, sent: Mapping[str, Any], users: Mapping[str, Any]) -> list[Accepts]:
    """What might be the trouble where a refusal does not say: one argument, or all of them."""
    names = [name for name in _OPTIONAL if name in sent and name not in users]
    singles = [lacking(accepts, (name,)) for name in names]
    return singles if len(names) < 2 else [*singles, lacking(accepts, names)]


def lacking(accepts: Accepts, names: Sequence[str]) -> Accepts:
    """Without these arguments, whatever takes their place."""
    if "n" in names:
        accepts = replace(accepts, samples=1)
    rest = [other for name in names if name != "n" for other in _TOGETHER.get(name, (name,))]
    return accepts.without(*rest) if rest else accepts


def changes(old: Accepts, new: Accepts) -> str:
    """In words, for the log.

    >>> changes(Accepts(), Accepts(dropped=("top_p",), samples=1))
    'asked without top_p, for 1 sample per request'
    """
    said = []
    if dropped := sorted({*new.dropped} - {*old.dropped}):
        said.append(f"without {', '.join(dropped)}")
    if new.samples != old.samples:
        said.append(f"for {new.samples} sample{'s'[: new.samples > 1]} per request")
    if new.limit != old.limit:
        said.append(f"with {new.limit} for its token limit")
    if new.tokens != old.tokens:
        said.append(f"with room for {new.tokens:,} tokens")
    if new.system != old.system:
        said.append("without a system message")
    return "asked " + ", ".join(said)


def _names(message: str, name: str) -> bool:
    spelling = _SPELLINGS.get(name, re.escape(name).replace("_", "[_ ]?"))
    return re.search(rf"(?<!\w){spelling}(?!\w)", message, re.I) is not None


def _about_samples(message: str, n: int) -> bool:
    # A llama.cpp server does not name the argument: "1 <= value <= 1, but got 10".
    return _SAMPLES.search(message) is not None or f"but got {n}" in message


def _bound(message: str, n: int) -> int:
    bounds = [int(found) for found in _AT_MOST.findall(message)]
    return max((bound for bound in bounds if 1 <= bound < n), default=1)


def _resized(accepts: Accepts, message: str, limit: int) -> Accepts | None:
    """Another limit: a larger one where a number in the message asks for it, or a smaller one."""
    numbers = [int(found) for found in _NUMBER.findall(message)]
    larger = [number for number in numbers if limit < number <= 8192]
    if larger:
        return replace(accepts, tokens=min(larger) + 1024)
    return None if "max_tokens" in accepts.dropped else accepts.without("max_tokens")
