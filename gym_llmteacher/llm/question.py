"""A question to a language model: about a situation, or about anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """What is sent, and what it is about.

    :param messages: the conversation so far, ``{"role": ..., "content": ...}`` each
    :param params: sampling parameters (``temperature``, ``max_tokens``, ...)
    :param n: number of samples
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

    @property
    def sent(self) -> dict[str, Any]:
        """What is sent besides the messages."""
        scored = {"candidates": list(self.candidates)} if self.candidates else {}
        return {**self.params, **scored}
