"""What a subgoal pays when it is reached."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from gym_llmteacher.errors import GroundingError


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


class Potential(Bonus):
    def __init__(self, alpha=1.0, gamma=0.99, half=5.0, near=0.9, won=0.0) -> None:
        self.alpha, self.gamma = float(alpha), float(gamma)
        self.half, self.near, self.won = half, near, won

    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        then = {"": self.potential(after), "won": self.won, "lost": 0.0}[end]
        return self.gamma * then - self.potential(before)

    def potential(self, way: Way) -> float:
        near = 0.0 if way.left is None else self.near**way.left
        x = way.reached + near
        return self.alpha * x / (x + self.half)


class Paid(Bonus):
    """α · (1 − steps / longest) when a subgoal is reached, as in Words as Beacons.

    It can change what is optimal: subgoals are worth something in themselves.

    >>> Paid(0.2, longest=100).pay(Way(0), Way(1), 50, "")
    0.1
    """

    def __init__(self, alpha: float = 0.2, longest: int = 100) -> None:
        self.alpha, self.longest = float(alpha), int(longest)

    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        done = after.reached > before.reached
        return self.alpha * max(0.0, 1.0 - steps / self.longest) if done else 0.0


class Unpaid(Bonus):
    """Nothing: the subgoal is only shown."""

    def pay(self, before: Way, after: Way, steps: int, end: str) -> float:
        return 0.0


def make_bonus(kind: str | Bonus, alpha: float | None, gamma: float, longest: int) -> Bonus:
    """Return the bonus of this name.

    :param kind: ``"potential"``, ``"paper"``, ``"none"``, or a `Bonus`
    :raises GroundingError: there is none, or a number cannot be
    """
    if isinstance(kind, Bonus):
        return kind
    if alpha is not None and not alpha >= 0.0:
        raise GroundingError(f"alpha is {alpha!r}, expected 0 or more.")
    if not 0.0 < gamma <= 1.0:
        raise GroundingError(f"gamma is {gamma!r}, expected the student's, in (0, 1].")
    if kind == "potential":
        return Potential(0.5 if alpha is None else alpha, gamma)
    if kind == "paper":
        return Paid(0.2 if alpha is None else alpha, longest)
    if kind == "none":
        return Unpaid()
    raise GroundingError(f"bonus is {kind!r}, expected potential, paper, none, or a Bonus.")
