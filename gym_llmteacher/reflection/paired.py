"""Does one teacher play better than another? On the same seeds, by an exact test."""

from __future__ import annotations

import math
from typing import NamedTuple

from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.playing.record import Record

TEST = "sign test of episodes with the same seeds, one-sided, exact"


class Comparison(NamedTuple):
    """How often one of two was better on the same seed.

    :param better: episodes in which the second one did better: won, or returned more if both or
        neither won in an env that does not tell of success
    :param worse: in which it did worse
    :param same: in which they did the same
    :param p: probability of so many of the different ones being better, if neither were; in [0, 1]
    """

    better: int
    worse: int
    same: int
    p: float


def compared(before: Record, after: Record, known: Experience) -> Comparison:
    """Compare two that played the same seeds (McNemar's test, exact, where episodes are won).

    :param known: says which episodes are won

    >>> from gym_llmteacher.playing.record import Episode
    >>> def played(*won):
    ...     return Record(tuple(Episode(0.0, 1, w, "terminated", i) for i, w in enumerate(won)))
    >>> compared(played(0, 0, 0, 1), played(1, 1, 1, 1), Experience())
    Comparison(better=3, worse=0, same=1, p=0.125)
    """
    theirs = {episode.seed: known.score(episode) for episode in before.episodes}
    pairs = [(theirs[e.seed], known.score(e)) for e in after.episodes if e.seed in theirs]
    better = sum(new > old for old, new in pairs)
    worse = sum(new < old for old, new in pairs)
    return Comparison(better, worse, len(pairs) - better - worse, sign_test(better, worse))


def sign_test(better: int, worse: int) -> float:
    """Probability of so many or more heads, of as many tosses of a fair coin.

    >>> sign_test(5, 0), sign_test(0, 0)
    (0.03125, 1.0)
    """
    n = better + worse
    return float(sum(math.comb(n, i) for i in range(better, n + 1)) / 2**n)
