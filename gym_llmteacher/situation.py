"""What a teacher is asked (`Situation`), what it answers (`Advice`), and the prior both give.

Because ``prior = votes @ option_actions``, the env side (cheap, per state) and the teacher side
(slow, per text) are independent: one answer serves every state that reads the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError, PriorError
from gym_llmteacher.option_actions import LazyRows

Plan = tuple[str, ...]
"""A sequence of option names, to be carried out from left to right."""


@dataclass(frozen=True)
class Need:
    """Something the task may require next, and the plan that would serve it now.

    The plan is the affordance: known by code, while the language model only judges which need
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

    :param text: canonical description; equal texts must mean equal ``task``, ``options``,
        ``state`` and ``needs``, since answers are shared by text
    :param options: names of the options that make sense now
    :param option_actions: float32 ``(n_options, n_actions)``, what each option would do in the
        env's own actions right now: a row sums to 1, or is all zero when the option is finished
        or not applicable in this very state; or `LazyRows` of it
    :param task: what is to be achieved, in words: ``"get the key, then open the door"``
    :param state: the short part of the text that decides what is needed next, for example
        ``"The agent holds nothing."``
    :param needs: candidates for what is needed next (may be empty)
    :param obs: the observation itself, for teachers that read observations instead of words
    """

    text: str
    options: tuple[str, ...]
    option_actions: NDArray[np.float32] | LazyRows
    task: str = ""
    state: str = ""
    needs: tuple[Need, ...] = ()
    obs: Any = None

    def __eq__(self, other: object) -> bool:
        """Equal words, and options that do the same now."""
        if not isinstance(other, Situation):
            return NotImplemented
        mine = (self.text, self.options, self.task, self.state, self.needs)
        theirs = (other.text, other.options, other.task, other.state, other.needs)
        return mine == theirs and np.array_equal(self.option_actions, other.option_actions)

    def __hash__(self) -> int:
        return hash(self.text)

    def __deepcopy__(self, memo: dict[int, Any]) -> Situation:
        return self  # nothing in it changes; a VecEnv deep-copies every info


@dataclass(frozen=True)
class Advice:
    """A probability distribution over plans.

    :param plans: pairs of plan and probability; probabilities are positive and sum to 1;
        empty when the teacher abstains
    :param confidence: in [0, 1]; 0 means the teacher abstains
    :param source: where it comes from: ``"model"``, ``"answers"``, ``"script"``, or
        ``"abstained: <why>"``

    Example::

        >>> advice = Advice.from_counts({("go to key", "pick up key"): 8, ("explore",): 2})
        >>> advice.plans[0]
        (('go to key', 'pick up key'), 0.8)
    """

    plans: tuple[tuple[Plan, float], ...]
    confidence: float = 1.0
    source: str = "script"

    @classmethod
    def from_counts(
        cls, counts: Mapping[Plan, float], confidence: float = 1.0, source: str = "script"
    ) -> Advice:
        """Normalise non-negative weights over plans; abstain if none is positive."""
        positive = {plan: float(n) for plan, n in counts.items() if np.isfinite(n) and n > 0}
        total = sum(positive.values())
        if not total > 0:
            return cls.abstain("no plan has a positive weight")
        return cls(tuple((plan, n / total) for plan, n in positive.items()), confidence, source)

    @classmethod
    def abstain(cls, why: str) -> Advice:
        """Advice that teaches nothing: it gets weight 0 in the loss, never a uniform label."""
        return cls((), 0.0, f"abstained: {why}")

    @property
    def abstained(self) -> bool:
        """Whether this advice carries no weight."""
        return not self.plans or self.confidence <= 0.0


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


def uniform_prior(*sizes: int) -> NDArray[np.float32]:
    """The placeholder prior of an abstaining teacher, float32 ``(n_actions,)``.

    :param sizes: number of actions; or, of several factors, the number of options of each

    >>> uniform_prior(2, 4).tolist()
    [0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
    """
    return np.concatenate([np.full(n, 1.0 / n, dtype=np.float32) for n in sizes])


def prior_from(
    advice: Advice, situation: Situation, epsilon: float = 0.0
) -> tuple[NDArray[np.float32], float]:
    """Push advice through what each option would do now (LLM4Teach, arXiv 2311.13373, sec. 3).

    Each plan votes with its probability for its first option that applies and is not finished.
    Plans with no such option vote for nothing; the weight shrinks by their share.

    :param epsilon: support floor: ``prior = (1 - epsilon) * prior + epsilon / n_actions``
    :return: prior float32 ``(n_actions,)`` that sums to 1, and its weight in [0, 1]
    :raises PriorError: ``advice`` holds a confidence that is not finite

    Example::

        >>> rows = np.eye(2, 3, dtype=np.float32)
        >>> here = Situation("sees key", ("go to key", "explore"), rows)
        >>> prior, weight = prior_from(Advice(((("go to key",), 0.75), (("explore",), 0.25))), here)
        >>> prior.tolist(), weight
        ([0.75, 0.25, 0.0], 1.0)
    """
    n_actions = situation.option_actions.shape[1]
    if not math.isfinite(advice.confidence):
        raise PriorError(f"confidence is {advice.confidence}, expected a number in [0, 1].")
    if advice.abstained:
        return uniform_prior(n_actions), 0.0
    options, rows = situation.options, situation.option_actions
    votes: list[tuple[float, NDArray[np.float32]]] = []
    mass = 0.0
    for plan, probability in advice.plans:
        for option in plan:
            if option in options and (row := rows[options.index(option)]).any():
                votes.append((probability, row))
                mass += probability
                break
    if not mass > 0.0:
        return uniform_prior(n_actions), 0.0
    prior = np.full(n_actions, epsilon / n_actions, dtype=np.float32)
    for probability, row in votes:
        # Shares first, in double precision: the mass of all votes may be tiny.
        prior += (1.0 - epsilon) * (probability / mass) * row
    return prior, float(min(1.0, advice.confidence) * min(1.0, mass))
