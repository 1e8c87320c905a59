"""What a teacher is asked about: words, options, and what each option would do now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.advice import Plan
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.option_actions import LazyRows


@dataclass(frozen=True)
class Subgoal:
    """Something the task may require next, and the plan that would achieve it from here.

    The plan is the affordance: known by code, while the language model only judges which subgoal
    comes first (SayCan, arXiv 2204.01691).

    :param name: a noun phrase, for example ``"key"``
    :param plan: options that get it from here, for example ``("go to key", "pick up key")``,
        or ``("explore",)`` while it has not been seen
    """

    name: str
    plan: Plan


@dataclass(frozen=True, eq=False)
class Situation:
    """What the teacher is asked about.

    :param text: description in words; the same state should give the same words, since answers are
        shared by all that a question is made of
    :param options: names of the options that make sense now
    :param option_actions: float32 ``(n_options, n_actions)``, what each option would do in the
        env's own actions right now: a row sums to 1, or is all zero when the option is finished
        or not applicable in this very state; or `LazyRows` of it
    :param task: what is to be achieved, in words: ``"get the key, then open the door"``
    :param state: the short part of the text that decides what is needed next, for example
        ``"The agent holds nothing."``
    :param subgoals: candidates for what is needed next (may be empty)
    :param obs: the observation itself, for teachers that read observations instead of words
    :param example: a worked example for prompts that show one
    """

    text: str
    options: tuple[str, ...]
    option_actions: NDArray[np.float32] | LazyRows
    task: str = ""
    state: str = ""
    subgoals: tuple[Subgoal, ...] = ()
    obs: Any = None
    example: str = ""

    @cached_property
    def key(self) -> str:
        """Identity of everything advice depends on; what teachers and wrappers remember advice by.

        A digest of words, task, options and subgoals, and of the observation where there is one;
        not of ``option_actions``: those turn advice into a prior, after it was given. The same in
        every process. A subclass may share advice more widely.

        >>> rows, options = np.eye(2, dtype=np.float32), ("left", "right")
        >>> east, west = (Situation("A cart.", options, rows, task) for task in ("east", "west"))
        >>> east.key == west.key
        False
        """
        words = (self.text, self.options, self.task, self.state, self.subgoals, self.example)
        key = _digest(words)
        return key if self.obs is None else f"{key}:{_digest_of_observation(self.obs)}"

    @cached_property
    def able(self) -> tuple[str, ...]:
        """The options that do something now: those whose row is not all zero."""
        rows = self.option_actions
        return tuple(name for name, row in zip(self.options, rows, strict=True) if row.any())

    @cached_property
    def place(self) -> str:
        """Identity of what is asked and of what can be done about it now: key and `able`.

        Where to go is done and to pick up is possible, another option is right, though the words
        may be the same.
        """
        bits = sum(1 << i for i, name in enumerate(self.options) if name in self.able)
        return f"{self.key}-{bits:x}"

    def __eq__(self, other: object) -> bool:
        """Equal in all that advice depends on, and options that do the same now."""
        if not isinstance(other, Situation):
            return NotImplemented
        return self.key == other.key and np.array_equal(self.option_actions, other.option_actions)

    def __hash__(self) -> int:
        return hash(self.key)

    def __deepcopy__(self, memo: dict[int, Any]) -> Situation:
        return self  # nothing in it changes; a VecEnv deep-copies every info


@lru_cache(maxsize=65_536)
def _digest(words: tuple[Any, ...]) -> str:
    # repr quotes strings: no two tuples read the same. Equal situations come up at every step, and
    # a look-up is ten times faster than a digest.
    return hashlib.blake2b(
        repr(words).encode("utf-8", "backslashreplace"), digest_size=16
    ).hexdigest()


def _digest_of_observation(obs: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)

    def add(part: Any) -> None:
        if isinstance(part, (dict, tuple)):
            digest.update(f"{type(part).__name__}{len(part)}".encode())  # (1, (2,)) is not (1, 2)
        if isinstance(part, dict):
            for name in sorted(part):
                digest.update(repr(name).encode())
                add(part[name])
        elif isinstance(part, tuple):
            for item in part:
                add(item)
        else:
            array = np.asarray(part)
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(repr(part).encode() if array.dtype == object else array.tobytes())

    add(obs)
    return digest.hexdigest()


def checked_option_actions(
    rows: Iterable[Iterable[float]] | NDArray[np.float32] | LazyRows, n_options: int, n_actions: int
) -> NDArray[np.float32]:
    """Validate what a grounding says its options do (used once per grounding, not per step).

    :raises GroundingError: wrong shape, negative or non-finite entries, rows that sum to
        neither 0 nor 1
    """
    table = np.asarray(rows, dtype=np.float32)
    if table.shape != (n_options, n_actions):
        raise GroundingError(
            f"option_actions has shape {table.shape}, expected ({n_options}, {n_actions}): one row "
            "per option and one column per action of the env."
        )
    sums = table.sum(axis=1)
    ok = np.isfinite(table).all() and (table >= 0).all()
    if not ok or not np.all(np.isclose(sums, 1.0, atol=1e-4) | (sums == 0.0)):
        raise GroundingError(
            f"each row of option_actions must be a distribution over actions, or all zero where "
            f"the option does not apply now; got rows that sum to {sums.tolist()}."
        )
    return table
