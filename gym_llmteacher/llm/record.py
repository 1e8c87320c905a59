"""One question and its answer, as it is kept, shared and shown."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gym_llmteacher.llm.reply import Reply

_LAST_DATE = 253_402_300_799  # the year 9999
_LONGEST_KEY = 200


@dataclass(frozen=True)
class Record:
    """One question and its answer.

    :param created: seconds since 1970, UTC
    :param edited: whether a person has replaced what the model said
    """

    key: str
    model: str
    elicitation: str
    text: str
    prompt: list[dict[str, str]]
    reply: dict[str, Any]
    created: float = field(default_factory=time.time)
    edited: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """What the model said, sample by sample."""
        return tuple(str(text) for text in self.reply["texts"])

    @classmethod
    def from_dict(cls, form: Any) -> Record:
        """Read what somebody has written, whoever it was.

        :raises ValueError: it is no record: something is missing, has the wrong type, or cannot be
        """
        if not isinstance(form, Mapping):
            raise ValueError(f"it is a {type(form).__name__}, no object")
        try:
            words = {name: form[name] for name in ("key", "model", "elicitation", "text")}
            prompt, said, created = form["prompt"], form["reply"], form["created"]
        except KeyError as error:
            raise ValueError(f"{error} is missing") from None
        for name, value in words.items():
            if not isinstance(value, str):
                raise ValueError(f"{name} is a {type(value).__name__}, no string")
        if not 0 < len(words["key"]) <= _LONGEST_KEY:
            raise ValueError(f"the key has {len(words['key'])} characters")
        if not isinstance(prompt, list) or not all(map(_is_message, prompt)):
            raise ValueError("prompt is no list of messages")
        number = isinstance(created, (int, float)) and not isinstance(created, bool)
        if not number or not math.isfinite(created) or not 0 <= created <= _LAST_DATE:
            raise ValueError(f"created is {created!r}, no date in seconds since 1970")
        reply = Reply.from_dict(said).as_dict()
        edited = bool(form.get("edited", False))
        return cls(**words, prompt=prompt, reply=reply, created=float(created), edited=edited)


def _is_message(message: Any) -> bool:
    return isinstance(message, Mapping) and all(
        isinstance(message.get(name), str) for name in ("role", "content")
    )
