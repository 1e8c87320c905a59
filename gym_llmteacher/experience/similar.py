"""Which texts are alike: TF-IDF and the cosine (Salton and Buckley 1988)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

_WORD = re.compile(r"\w+")


def terms(text: str) -> Counter[str]:
    """Words, and pairs of neighbours: *holds key* is not *sees key*.

    >>> sorted(terms("Agent holds <key>."))
    ['agent', 'agent holds', 'holds', 'holds key', 'key']
    """
    words = _WORD.findall(text.lower())
    return Counter([*words, *(" ".join(pair) for pair in pairwise(words))])


class Similarity:
    """How much a text has in common with each of some texts.

    :param texts: those to compare with

    >>> alike = Similarity(["Agent sees <key>.", "Agent sees <door>. Agent holds <key>."])
    >>> [round(value, 2) for value in alike.to("Agent sees <nothing>. Agent holds <key>.")]
    [0.4, 0.58]
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [terms(text) for text in texts]
        self._n = len(counted)
        self._in = Counter(term for counts in counted for term in counts)
        self._vectors = [self._unit(counts) for counts in counted]

    def _unit(self, counts: Counter[str]) -> dict[str, float]:
        # Smoothed: what all texts have in common still counts a little.
        weights = {
            term: n * (1.0 + math.log((1 + self._n) / (1 + self._in[term])))
            for term, n in counts.items()
        }
        length = math.sqrt(math.fsum(w * w for w in weights.values()))
        return {term: w / length for term, w in weights.items()} if length else {}

    def to(self, text: str) -> list[float]:
        """Cosine to each of the texts, in [0, 1]."""
        wanted = self._unit(terms(text))
        return [
            math.fsum(w * vector.get(term, 0.0) for term, w in wanted.items())
            for vector in self._vectors
        ]
