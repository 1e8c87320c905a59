"""Numbers that people pass: checked where they are passed."""

from __future__ import annotations

import numpy as np

from gym_llmteacher.errors import StudentError


def whole(name: str, value: int, low: int) -> int:
    """Return a whole number.

    :raises StudentError: it is none, or below ``low``

    >>> whole("teacher_every", np.int64(4), low=1)
    4
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise StudentError(f"{name} is {value!r}, expected a whole number >= {low}.")
    return int(value)
