"""Which option to try, and which to advise: the teacher's word is a prior, experience counts.

PUCT (Rosin 2011; Silver et al. 2016): value so far + c · prior · √N / (1 + n). The answer of a
language model as the prior and experience as the likelihood is the idea of Bayesian aggregated
imitation (arXiv 2405.19883).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.prior import first_applicable
from gym_llmteacher.situation import Situation

C_PUCT = 0.5
FLOOR = 0.1
"""Share of the prior that is spread over all options."""
FADE = 5.0
"""Episodes lost in a row after which the prior is believed 1 / e as much."""
TEMPERATURE = 0.01
TRIES = 4
"""Of the options of a text, before its experience is worth more than the teacher's word."""


@dataclass(frozen=True)
class Table:
    """The options of a situation that do something now, and what came of them.

    :param options: names
    :param prior: float64 ``(n,)``, of the teacher's advice; sums to 1
    :param tries: float64 ``(n,)``
    :param value: float64 ``(n,)`` in [0, 1]; of those never tried what came of them where the same
        was said and other options applied, or else the mean of the others
    """

    options: tuple[str, ...]
    prior: NDArray[np.float64]
    tries: NDArray[np.float64]
    value: NDArray[np.float64]


def table_of(
    situation: Situation, advice: Advice | None, experience: Experience, floor: float = FLOOR
) -> Table:
    """What is known of a situation's options.

    :param floor: share of the prior that is spread over all of them

    >>> here = Situation("sees key", ("explore", "go to key"), np.eye(2, dtype=np.float32))
    >>> table_of(here, Advice(((("explore",), 1.0),)), Experience(), floor=0.5).prior.tolist()
    [0.75, 0.25]
    """
    able = situation.able
    votes = np.zeros(len(able))
    for plan, probability in advice.plans if advice is not None else ():
        option, _ = first_applicable(plan, situation)
        if option is not None:
            votes[able.index(option)] += probability
    flat = np.full(len(able), 1.0 / max(1, len(able)))
    told = votes / votes.sum() if votes.sum() > 0 else flat
    tallies = [experience.tally(situation.place, option) for option in able]
    tries = np.array([tally.tries for tally in tallies], dtype=np.float64)
    value = np.array([experience.value(situation.place, option) for option in able])
    known = tries > 0
    mean = float((tries * value)[known].sum() / max(1.0, tries.sum()))
    value = np.where(np.isnan(value), mean, value)
    return Table(able, floor * flat + (1 - floor) * told, tries, value)


def floor_of(experience: Experience) -> float:
    """The more episodes in a row are lost, the less the teacher's word is believed.

    Without this, teachers that are always wrong never get anywhere.
    """
    return max(FLOOR, 1.0 - (1.0 - FLOOR) * math.exp(-experience.lost_in_a_row / FADE))


def choose(table: Table, used: Sequence[float], rng: np.random.Generator) -> str | None:
    """The option to try.

    :param used: how often each is being tried just now, in this episode and in the other envs
    """
    if not table.options:
        return None
    tries = table.tries + np.asarray(used)
    bonus = C_PUCT * table.prior * math.sqrt(tries.sum() + 1.0) / (1.0 + tries)
    ties = 1e-6 * rng.random(len(tries))
    return table.options[int(np.argmax(table.value + bonus + ties))]


def practised(table: Table, advice: Advice) -> Advice:
    """What to advise after practice: prior · exp(value / temperature).

    Options of equal value are no even bet: which one is drawn would change from step to step, and
    lead nowhere. The plan that leads is kept to by its weight.
    """
    total = table.tries.sum()
    if total < TRIES:
        return advice
    mean = float((table.tries * table.value).sum() / total)
    value = (table.tries * table.value + mean) / (table.tries + 1.0)
    scores = np.log(table.prior) + value / TEMPERATURE
    weights = np.exp(scores - scores.max())
    ranked = [table.options[i] for i in np.argsort(-scores, kind="stable")]
    counts: dict[Plan, float] = {
        (option, *(other for other in ranked if other != option)): float(weight)
        for option, weight in zip(table.options, weights, strict=True)
    }
    return Advice.from_counts(counts, source="practised")
