"""What a teacher answers: a distribution over plans, or a reason for having nothing to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.errors import AdviceError
from gym_llmteacher.shown import shown

Plan = tuple[str, ...]
"""A sequence of option names, to be carried out from left to right."""

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Advice:
    """A probability distribution over plans.

    :param plans: pairs of plan and probability; finite, not negative, sum 1; empty when the teacher
        abstains
    :param confidence: in [0, 1]; 0 means the teacher abstains
    :param source: where it comes from, for people: ``"model"``, ``"answers"``, ``"script"``, or
        ``"abstained: <why>"``
    :param reason: why the teacher abstains, for programs; ``None`` if it does not
    :param provisional: given in somebody's place who may answer later: not to be remembered
    :param value: discounted return that the teacher got from here on, by its record, in the env's
        own rewards; ``None``: unknown
    :raises AdviceError: probabilities, confidence or a value that cannot be

    Example::

        >>> advice = Advice.from_counts({("go to key", "pick up key"): 8, ("explore",): 2})
        >>> advice.plans[0]
        (('go to key', 'pick up key'), 0.8)
        >>> Advice.abstain("the server is down", Abstention.SERVER_DOWN).reason.value
        'server_down'
    """

    plans: tuple[tuple[Plan, float], ...]
    confidence: float = 1.0
    source: str = "script"
    reason: Abstention | None = None
    provisional: bool = False
    value: float | None = None

    def __post_init__(self) -> None:
        # A comparison with NaN is false, so each of these catches it too.
        if not 0.0 <= self.confidence <= 1.0:
            raise AdviceError(f"confidence is {self.confidence!r}, expected a number in [0, 1].")
        if self.value is not None and not math.isfinite(self.value):
            raise AdviceError(f"value is {self.value!r}, expected a finite number, or None.")
        values = [probability for _, probability in self.plans]
        good = all(0.0 <= value <= 1.0 + _TOLERANCE for value in values)
        if values and not (good and abs(math.fsum(values) - 1.0) <= _TOLERANCE):
            raise AdviceError(
                f"the plans have probabilities {values!r}, expected finite ones of 0 or more that "
                "sum to 1. Advice.from_counts makes them of any weights."
            )

    @classmethod
    def from_counts(
        cls, counts: Mapping[Plan, float], confidence: float = 1.0, source: str = "script"
    ) -> Advice:
        """Normalise non-negative weights over plans; abstain if none is positive."""
        positive = {plan: float(n) for plan, n in counts.items() if math.isfinite(n) and n > 0}
        total = sum(positive.values())
        if not 0 < total < math.inf:
            return cls.abstain("no plan has a positive weight")
        return cls(tuple((plan, n / total) for plan, n in positive.items()), confidence, source)

    @classmethod
    def abstain(cls, why: str, reason: Abstention = Abstention.UNDECIDED) -> Advice:
        """Advice that teaches nothing: it gets weight 0 in the loss, never a uniform label."""
        return cls((), 0.0, f"abstained: {shown(why)}", reason)

    @property
    def abstained(self) -> bool:
        """Whether this advice carries no weight."""
        return not self.plans or self.confidence <= 0.0
