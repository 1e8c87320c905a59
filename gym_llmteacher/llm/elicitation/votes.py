"""From what samples say to advice, and how sure they are together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.llm.parse import names_a_plan


def advice_from_votes(votes: Mapping[Plan, float], texts: Sequence[str]) -> Advice:
    """Each plan by its share of the votes.

    Confidence is the share of the samples that could be read times their agreement: the chance
    that two of them, drawn with replacement, say the same.

    >>> advice_from_votes({("a",): 3, ("b",): 1}, ["a", "a", "b", "a", "?"]).confidence
    0.5
    """
    counted = {plan: float(count) for plan, count in votes.items() if count > 0}
    total = sum(counted.values())
    if not total:
        return nothing_read(texts)
    agreement = sum((count / total) ** 2 for count in counted.values())
    confidence = min(1.0, total / max(len(texts), 1)) * agreement
    return Advice.from_counts(counted, confidence, source="model")


def nothing_read(texts: Sequence[str]) -> Advice:
    """Advice where no sample names a known option."""
    a_plan = any(names_a_plan(text) for text in texts)
    reason = Abstention.UNKNOWN_OPTION if a_plan else Abstention.INVALID_FORMAT
    return Advice.abstain(f"none of {len(texts)} replies names a known option", reason)
