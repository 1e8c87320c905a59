"""The prior over actions that advice and situation give together.

Because ``prior = votes @ option_actions``, the env side (cheap, per state) and the teacher side
(slow, per question) are independent: one answer serves every state that reads the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.errors import PriorError
from gym_llmteacher.situation import Situation


class Pending(NamedTuple):
    """A prior that waits for advice.

    :param situations: what is asked, one per action dimension
    :param advices: the advice there is already, dimension by dimension
    """

    situations: tuple[Situation, ...]
    advices: tuple[Advice | None, ...]


def uniform_prior(*sizes: int) -> NDArray[np.float32]:
    """The placeholder prior of an abstaining teacher, float32 ``(n_actions,)``.

    :param sizes: number of actions; or, of several action dimensions, the number of each

    >>> uniform_prior(2, 4).tolist()
    [0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
    """
    return np.concatenate([np.full(n, 1.0 / n, dtype=np.float32) for n in sizes])


def check_smoothing(smoothing: float) -> None:
    """Check the support floor.

    :raises PriorError: not a number in [0, 1)
    """
    if not isinstance(smoothing, (int, float)) or not 0.0 <= smoothing < 1.0:
        raise PriorError(
            f"smoothing is {smoothing!r}, expected a number in [0, 1): the share of the prior that "
            "is spread over all actions."
        )


def first_applicable(
    plan: Plan, situation: Situation
) -> tuple[str | None, NDArray[np.float32] | None]:
    """The first option of a plan that applies and is not finished, and its row; or nothing.

    >>> here = Situation("", ("fly", "walk"), np.array([[0, 0], [0, 1]], dtype=np.float32))
    >>> first_applicable(("swim", "fly", "walk"), here)[0]
    'walk'
    """
    options, rows = situation.options, situation.option_actions
    for option in plan:
        if option in options and (row := rows[options.index(option)]).any():
            return option, row
    return None, None


def prior_from(
    advice: Advice, situation: Situation, smoothing: float = 0.0
) -> tuple[NDArray[np.float32], float]:
    """Push advice through what each option would do now (LLM4Teach, arXiv 2311.13373, sec. 3).

    Each plan votes with its probability for its first option that applies and is not finished.
    Plans with no such option vote for nothing; the weight shrinks by their share.

    :param smoothing: support floor: ``prior = (1 - smoothing) * prior + smoothing / n_actions``
    :return: prior float32 ``(n_actions,)`` that sums to 1, and its weight in [0, 1]

    Example::

        >>> rows = np.eye(2, 3, dtype=np.float32)
        >>> here = Situation("sees key", ("go to key", "explore"), rows)
        >>> prior, weight = prior_from(Advice(((("go to key",), 0.75), (("explore",), 0.25))), here)
        >>> prior.tolist(), weight
        ([0.75, 0.25, 0.0], 1.0)
    """
    n_actions = situation.option_actions.shape[1]
    if advice.abstained:
        return uniform_prior(n_actions), 0.0
    votes: list[tuple[float, NDArray[np.float32]]] = []
    mass = 0.0
    for plan, probability in advice.plans:
        _, row = first_applicable(plan, situation)
        if row is not None:
            votes.append((probability, row))
            mass += probability
    if not mass > 0.0:
        return uniform_prior(n_actions), 0.0
    prior = np.full(n_actions, smoothing / n_actions, dtype=np.float32)
    for probability, row in votes:
        # Shares first, in double precision: the mass of all votes may be tiny.
        prior += (1.0 - smoothing) * (probability / mass) * row
    return prior, float(advice.confidence * min(1.0, mass))
