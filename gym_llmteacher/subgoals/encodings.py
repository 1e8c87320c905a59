"""A subgoal in numbers, three ways (Words as Beacons, arXiv 2410.08632)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.target import Target

Vector = NDArray[np.float32]
N_WORDS = 32
N_RELATIVE = 5
_CELLS = 10.0
"""What counts as far: positions are divided by it."""
_KINDS, _COLORS, _STATES = 11, 6, 3
"""MiniGrid's codes."""


class Encoding(NamedTuple):
    """A way to write a subgoal.

    :param size: number of values
    :param write: name of the option, and what it is about
    :param needs_target: whether the grounding has to know where things are
    """

    size: int
    write: Callable[[str, Target | None], Vector]
    needs_target: bool


def _relative(name: str, target: Target | None) -> Vector:
    if target is None:
        return np.zeros(N_RELATIVE, dtype=np.float32)
    place = np.array([target.ahead, target.right], dtype=np.float32)
    here = float(target.ahead == 1 and target.right == 0)
    return np.array([*place / _CELLS, *np.sign(place), here], dtype=np.float32)


def _look(name: str, target: Target | None) -> Vector:
    if target is None:
        return np.zeros(_KINDS + _COLORS + _STATES, dtype=np.float32)
    parts = ((target.kind, _KINDS), (target.color, _COLORS), (target.state, _STATES))
    return np.concatenate([np.eye(n, dtype=np.float32)[code] for code, n in parts])


@lru_cache(maxsize=4096)
def _hashed(name: str) -> Vector:
    vector = np.zeros(N_WORDS, dtype=np.float32)
    for word in name.split():
        # hashlib, not hash(): Python's own differs from process to process.
        digest = hashlib.blake2b(word.encode("utf-8", "backslashreplace"), digest_size=2).digest()
        vector[digest[0] % N_WORDS] += 1.0 if digest[1] % 2 else -1.0
    return vector


def _words(name: str, target: Target | None) -> Vector:
    return _hashed(name).copy()


ENCODINGS: dict[str, Encoding] = {
    "relative": Encoding(N_RELATIVE, _relative, True),
    "look": Encoding(_KINDS + _COLORS + _STATES, _look, True),
    "words": Encoding(N_WORDS, _words, False),
}
"""``relative``: tens of cells ahead and to the right, the signs of both, and whether it is right
before the agent: one cell ahead, something is done; two cells ahead, a step is taken. ``look``:
type, colour and state, one-hot. ``words``: a hashed bag of the words of the option."""


def encoding_named(name: str, has_targets: bool) -> Encoding:
    """Return an encoding.

    :raises GroundingError: there is none of this name, or it needs to know where things are

    >>> encoding_named("words", has_targets=False).size
    32
    """
    if name not in ENCODINGS:
        raise GroundingError(f"encoding is {name!r}, expected one of {', '.join(ENCODINGS)}.")
    encoding = ENCODINGS[name]
    if encoding.needs_target and not has_targets:
        raise GroundingError(
            f"encoding is {name!r}, and this grounding does not say where things are. Cure: "
            "encoding='words', or a grounding with has_targets and target(option)."
        )
    return encoding
