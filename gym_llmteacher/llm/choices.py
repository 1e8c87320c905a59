"""The choices of a response: what each says without its thoughts, or why it is no answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.llm.reply import TokenLogprobs

_OPENS = re.compile(r"<\s*(?:think|thinking|thought|reasoning)\s*>", re.I)
_CLOSES = re.compile(r"<\s*/\s*(?:think|thinking|thought|reasoning)\s*>", re.I)
_FILTERED = ("content_filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content")
_MOST = 2**40  # tokens; a server that says more is not believed


class Choice(NamedTuple):
    """One sample.

    :param text: what it says, thoughts left out
    :param logprobs: of its first token
    :param fault: why it is no answer, if it is none
    """

    text: str
    logprobs: TokenLogprobs
    fault: Abstention | None


class Usage(NamedTuple):
    """Tokens of one response; never negative."""

    sent: int
    received: int


def read_choice(choice: Any, brief: bool = False) -> Choice:
    """Read a choice of litellm's.

    :param brief: whether the question wants the first few tokens alone, so that being cut off
        is no fault
    """
    finish = str(getattr(choice, "finish_reason", "") or "").lower()
    message = getattr(choice, "message", None)
    text = without_thoughts(_content(getattr(message, "content", None)))
    logprobs = _first_token(choice)
    fault: Abstention | None = None
    if finish in _FILTERED or (not text and getattr(message, "refusal", None)):
        fault = Abstention.REFUSED
    elif finish in ("length", "max_tokens") and not (brief and (text or logprobs)):
        fault = Abstention.TOKEN_LIMIT
    elif not text and not logprobs:
        fault = Abstention.INVALID_FORMAT
    return Choice(text, logprobs, fault)


def without_thoughts(text: str) -> str:
    """What is left of a reply without the thoughts in it.

    Nothing before the last closing mark counts (some servers lose the opening one), and nothing
    after an opening mark that is never closed: what was thought of is not what was decided.

    >>> without_thoughts("<think>Action: {open door}?</think>Action: {go to key}")
    'Action: {go to key}'
    >>> without_thoughts("<think>Maybe Action: {open door}? No, ")
    ''
    """
    closings = list(_CLOSES.finditer(text))
    rest = text[closings[-1].end() :] if closings else text
    opening = _OPENS.search(rest)
    return (rest[: opening.start()] if opening else rest).strip()


def read_usage(response: Any) -> Usage:
    """Tokens by the server's own count; 0 where it gives none, or none that can be."""
    usage = getattr(response, "usage", None)
    return Usage(*(_count(usage, name) for name in ("prompt_tokens", "completion_tokens")))


def read_cost(response: Any) -> float:
    """US dollars: what the server says (OpenRouter does), else by litellm's price list, else 0."""
    said = getattr(getattr(response, "usage", None), "cost", None)
    listed = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    for value in (said, listed):
        if isinstance(value, (int, float)) and math.isfinite(value) and 0 < value < 1e6:
            return float(value)
    return 0.0


def _count(usage: Any, name: str) -> int:
    value = getattr(usage, name, 0)
    whole = isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value < _MOST
    return int(value) if whole else 0


def _content(content: Any) -> str:
    """The words of a message, whether it is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _first_token(choice: Any) -> TokenLogprobs:
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    if not content:
        return ()
    first = content[0]
    rows = getattr(first, "top_logprobs", None) or [first]
    pairs = ((str(row.token), float(row.logprob)) for row in rows)
    return tuple((token, logprob) for token, logprob in pairs if not math.isnan(logprob))
