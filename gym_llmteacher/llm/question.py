"""A question to a language model: about a situation, or about anything else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """What is sent, and what it is about.

    :param messages: the conversation so far, ``{"role": ..., "content": ...}`` each
    :param params: sampling parameters (``temperature``, ``max_tokens``, ...)
    :param n: number of samples; of scored candidates always one each
    :param candidates: strings to be scored as continuations instead of samples (embedded model)
    :param kind: what kind of question it is, part of its identity: the elicitation's name,
        ``"curriculum"``, ...
    :param brief: whether the first few tokens are wanted alone: a reply that is cut off is whole
    :param text: what it is about, for people who read the answers file
    """

    messages: tuple[Mapping[str, str], ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    n: int = 1
    candidates: tuple[str, ...] = ()
    brief: bool = False
    kind: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.candidates:  # each is a choice of its own, and more choices than n are cut off
            object.__setattr__(self, "n", len(self.candidates))

    @property
    def sent(self) -> dict[str, Any]:
        """What is sent besides the messages."""
        scored = {"candidates": list(self.candidates)} if self.candidates else {}
        return {**self.params, **scored}


def answer_key(
    model: str,
    elicitation: str,
    messages: Sequence[Mapping[str, str]],
    params: Mapping[str, Any],
) -> str:
    """Identity of a question: hex sha256 of its canonical JSON.

    :param params: everything that changes what may be answered; no key, no address of a server

    >>> answer_key("m", "samples", [{"role": "user", "content": "?"}], {"n": 2})[:8]
    '85382b10'
    """
    form = {
        "model": model,
        "elicitation": elicitation,
        "messages": [dict(m) for m in messages],
        "params": dict(params),
    }
    canonical = json.dumps(form, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
