"""What a subgoal pays when it is reached."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from gym_llmteacher.errors import GroundingError

_HALF = 5.0
"""Subgoals at which half of the potential is reached."""
_NEAR = 0.9
"""Each action that is left to a subgoal takes a tenth off its nearness."""


class Way(NamedTuple):
    """How far a student is.

    :param reached: subgoals reached in this episode
    :param left: actions until the current one is, by the shortest way known; ``None``: not known
    """

    reached: int
    left: int | None = None


class Bonus(ABC):
    """Reward that is added to the env's."""

    @abstractmethod
    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        """What is added for one step.

        :param before: how far the student was before it
        :param after: how far it is now
        :param steps: env steps that the subgoal took so far
        :param end: ``"won"`` or ``"lost"`` if the episode ended by itself with this step; else
            ``""``
        """


class Instalments(Bonus):
    """Every subgoal that is reached pays a share of what is left of α, and success pays the rest.

    So every episode that is won is paid α in all, however many subgoals were on the way: no detour
    pays. One that is lost has been paid less. Nothing is ever taken back, which is what a student
    learns from fastest.

    :param alpha: of an episode that is won
    :param share: of what is left

    >>> bonus = Instalments(2.0, share=0.1)
    >>> round(bonus.pay(Way(0), Way(1), 7, ""), 3), round(bonus.pay(Way(1), Way(2), 7, ""), 3)
    (0.2, 0.18)
    >>> round(bonus.pay(Way(2), Way(3), 7, "won"), 3)
    1.62
    """

    def __init__(self, alpha: float = 2.0, share: float = 0.1) -> None:
        self.alpha, self.share = float(alpha), float(share)

    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        """The share of what was reached; at the end, the rest or nothing."""
        if end == "lost":
            return 0.0
        keeps = 1.0 - self.share
        left = 0.0 if end else keeps**after.reached
        return self.alpha * (keeps**before.reached - left)


class Potential(Bonus):
    """γ · Φ(after) − Φ(before), Φ = α · x / (x + 5) with x the subgoals reached and 0.9 ** left.

    Potential-based shaping (Ng et al. 1999): a step towards the subgoal pays, one away from it
    costs, and when the episode ends, all is taken back (Φ = 0). So the order of policies stays what
    it was, whatever the env pays. It teaches slower: success seems to cost what was paid before.

    :param alpha: Φ is bounded by it
    :param gamma: the student's

    >>> bonus = Potential(6.0, gamma=1.0)
    >>> [round(bonus.pay(Way(0, 9), after, 7, ""), 2) for after in (Way(0, 8), Way(1, 9))]
    [0.04, 0.87]
    """

    def __init__(self, alpha: float = 1.0, gamma: float = 0.99) -> None:
        self.alpha, self.gamma = float(alpha), float(gamma)

    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        """Towards the subgoal pays, away from it costs."""
        then = 0.0 if end else self.gamma * self._potential(after)
        return then - self._potential(before)

    def _potential(self, way: Way) -> float:
        x = way.reached + (0.0 if way.left is None else _NEAR**way.left)
        return self.alpha * x / (x + _HALF)


class Paid(Bonus):
    """α · (1 − steps / longest) when a subgoal is reached, as in Words as Beacons.

    It can change what is optimal: subgoals are worth something in themselves.

    >>> Paid(0.2, longest=100).pay(Way(0), Way(1), 50, "")
    0.1
    """

    def __init__(self, alpha: float = 0.2, longest: int = 100) -> None:
        self.alpha, self.longest = float(alpha), int(longest)

    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        """The less, the longer it took."""
        done = after.reached > before.reached
        return self.alpha * max(0.0, 1.0 - steps / self.longest) if done else 0.0


class Unpaid(Bonus):
    """Nothing: the subgoal is only shown."""

    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        """Nothing."""
        return 0.0


def make_bonus(kind: str | Bonus, alpha: float | None, gamma: float, longest: int) -> Bonus:
    """Return the bonus of this name.

    :param kind: ``"instalments"``, ``"potential"``, ``"paper"``, ``"none"``, or a `Bonus`
    :raises GroundingError: there is none, or a number cannot be
    """
    if isinstance(kind, Bonus):
        return kind
    if alpha is not None and not alpha >= 0.0:
        raise GroundingError(f"alpha is {alpha!r}, expected 0 or more.")
    if not 0.0 < gamma <= 1.0:
        raise GroundingError(f"gamma is {gamma!r}, expected the student's, in (0, 1].")
    if kind == "instalments":
        return Instalments(2.0 if alpha is None else alpha)
    if kind == "potential":
        return Potential(1.0 if alpha is None else alpha, gamma)
    if kind == "paper":
        return Paid(0.2 if alpha is None else alpha, longest)
    if kind == "none":
        return Unpaid()
    raise GroundingError(
        f"bonus is {kind!r}, expected instalments, potential, paper, none, or a Bonus."
    )
