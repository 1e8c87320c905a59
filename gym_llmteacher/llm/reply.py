"""What a language model answered, and what that cost."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

TokenLogprobs = tuple[tuple[str, float], ...]
_MOST = 2.0**53
"""Larger numbers are no longer exact, and no counter of tokens ever gets there."""


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

    def __post_init__(self) -> None:
        # A server may report anything: nothing of it may turn the books back, or break them.
        for name in ("prompt_tokens", "completion_tokens", "calls", "missing"):
            object.__setattr__(self, name, int(counted(getattr(self, name))))
        for name in ("cost_usd", "seconds"):
            object.__setattr__(self, name, counted(getattr(self, name)))

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
    def from_dict(cls, form: Any) -> Reply:
        """Inverse of `as_dict`.

        :raises ValueError: ``form`` is not one
        """
        try:
            texts, logprobs = form["texts"], form["logprobs"]
            if isinstance(texts, str) or not texts or not all(isinstance(t, str) for t in texts):
                raise ValueError("texts are no strings, one or more")
            numbers = {name: _number(name, form[name]) for name in _NUMBERS}
            return cls(
                texts=tuple(texts),
                logprobs=tuple(
                    tuple((str(token), float(p)) for token, p in row) for row in logprobs
                ),
                prompt_tokens=int(numbers["prompt_tokens"]),
                completion_tokens=int(numbers["completion_tokens"]),
                cost_usd=float(numbers["cost_usd"]),
                seconds=float(numbers["seconds"]),
                model=str(form["model"]),
                calls=int(numbers["calls"]),
                missing=int(_number("missing", form.get("missing", 0))),
            )
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"the reply cannot be read ({error!r})") from None


_NUMBERS = ("prompt_tokens", "completion_tokens", "cost_usd", "seconds", "calls")


def _number(name: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= _MOST:  # NaN fails this, too
        raise ValueError(f"{name} is {value!r}, no number that can be")
    return float(value)


def counted(value: Any) -> float:
    """An amount as it goes into the books: 0 or more, and finite.

    >>> counted(7), counted(-5), counted(float("nan")), counted(None), counted(1e300) == 2**53
    (7.0, 0.0, 0.0, 0.0, True)
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    except OverflowError:
        return _MOST if value > 0 else 0.0
    return 0.0 if math.isnan(number) else min(max(number, 0.0), _MOST)
