"""How long a request may take, and how many there may be at once and per minute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.limiter import Limiter


@dataclass(frozen=True)
class RequestLimits:
    """Limits on requests to a language model, of each process that asks.

    :param timeout: seconds until one request is given up
    :param max_retries: how often a request is repeated after trouble that may pass
    :param deadline: seconds until a question is given up, retries and pauses between them included
        (``None``: twice ``timeout``, for each request it takes)
    :param concurrency: requests at once, over all threads
    :param rpm: requests per minute
    :param tpm: tokens per minute, as estimated before each request
    :raises TeacherSpecError: a number that cannot be

    >>> RequestLimits.of({"timeout": 5.0}).max_retries
    3
    """

    timeout: float = 60.0
    max_retries: int = 3
    deadline: float | None = None
    concurrency: int | None = None
    rpm: float | None = None
    tpm: float | None = None

    def __post_init__(self) -> None:
        for name, low in (("timeout", 0), ("max_retries", 0), ("deadline", 0)):
            value = getattr(self, name)
            if value is None and name == "deadline":
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if (
                not number
                or math.isnan(value)
                or value < low
                or (name != "max_retries" and not value)
            ):
                more = "0 or more" if name == "max_retries" else "seconds above 0"
                raise TeacherSpecError(f"{name} is {value!r}, expected a number: {more}.")
        self.limiter()

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> RequestLimits:
        """Make limits of keyword arguments.

        :raises TeacherSpecError: an unknown one, or a number that cannot be
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(arguments) - set(known))
        if unknown:
            raise TeacherSpecError(
                f"got unknown arguments {', '.join(unknown)}; limits are {', '.join(known)}."
            )
        return cls(**arguments)

    def limiter(self) -> Limiter:
        """A fresh limiter that keeps to them."""
        return Limiter(self.concurrency, self.rpm, self.tpm)
