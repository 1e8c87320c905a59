"""What a language model answered, and what that cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

TokenLogprobs = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Reply:
    """Answers to one question.

    :param texts: one per sample (or per scored candidate)
    :param logprobs: per text, pairs ``(token, log-probability)`` of the alternatives for its first
        token; for a scored candidate, the one pair ``(candidate, log-probability)``; empty where
        the model gave none
    :param prompt_tokens: tokens sent, over all calls
    :param completion_tokens: tokens received, over all calls
    :param cost_usd: US dollars by litellm's price list; 0 where it knows no price
    :param seconds: wall-clock time, retries included
    :param model: the name the model reports
    :param calls: successful requests it took
    :param missing: samples that could not be had when it was asked
    :param stored: whether it was known already: nothing was asked for it now
    """

    texts: tuple[str, ...]
    logprobs: tuple[TokenLogprobs, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    model: str = ""
    calls: int = 1
    missing: int = 0
    stored: bool = field(default=False, compare=False)

    def __add__(self, other: Reply) -> Reply:
        """Answers to the same question, taken together; the later one says what is missing."""
        return Reply(
            self.texts + other.texts,
            self.logprobs + other.logprobs,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost_usd + other.cost_usd,
            self.seconds + other.seconds,
            self.model or other.model,
            self.calls + other.calls,
            other.missing,
        )

    def as_dict(self) -> dict[str, Any]:
        """Form for JSON."""
        form = asdict(self)
        del form["stored"]
        return form

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Reply:
        """Inverse of `as_dict`.

        :raises KeyError, TypeError, ValueError: ``form`` is not one
        """
        return cls(
            texts=tuple(str(t) for t in form["texts"]),
            logprobs=tuple(
                tuple((str(token), float(p)) for token, p in row) for row in form["logprobs"]
            ),
            prompt_tokens=int(form["prompt_tokens"]),
            completion_tokens=int(form["completion_tokens"]),
            cost_usd=float(form["cost_usd"]),
            seconds=float(form["seconds"]),
            model=str(form["model"]),
            calls=int(form["calls"]),
            missing=int(form.get("missing", 0)),
        )
