"""What a subgoal pays when it is reached."""

from __future__ import annotations

from abc import ABC, abstractmethod

from gym_llmteacher.errors import GroundingError


class Bonus(ABC):
    """Reward that is added to the env's."""

    @abstractmethod
    def pay(self, before: int, after: int, steps: int, terminated: bool) -> float:
        """What is added for one step.

        :param before: subgoals reached in this episode before it
        :param after: the same after it
        :param steps: env steps that the subgoal took so far
        :param terminated: whether the episode ended by itself
        """


class Potential(Bonus):
    """γ · Φ(after) − Φ(before), Φ = α · n / (n + 1) with n subgoals reached; 0 at the end.

    Potential-based shaping keeps the optimal policy (Ng et al. 1999): what is paid for subgoals is
    taken back when the episode ends, and so none of them is worth a detour. Φ is bounded by α.

    >>> round(Potential(0.5, gamma=1.0).pay(0, 1, 7, False), 2)
    0.25
    """

    def __init__(self, alpha: float = 0.5, gamma: float = 0.99) -> None:
        self.alpha, self.gamma = float(alpha), float(gamma)

    def pay(self, before: int, after: int, steps: int, terminated: bool) -> float:
        then = 0.0 if terminated else self.gamma * self._potential(after)
        return then - self._potential(before)

    def _potential(self, reached: int) -> float:
        return self.alpha * reached / (reached + 1)


class Paid(Bonus):
    """α · (1 − steps / longest) when a subgoal is reached, as in Words as Beacons.

    It can change what is optimal: subgoals are worth something in themselves.

    >>> Paid(0.2, longest=100).pay(0, 1, 50, False)
    0.1
    """

    def __init__(self, alpha: float = 0.2, longest: int = 100) -> None:
        self.alpha, self.longest = float(alpha), int(longest)

    def pay(self, before: int, after: int, steps: int, terminated: bool) -> float:
        return self.alpha * max(0.0, 1.0 - steps / self.longest) if after > before else 0.0


class Unpaid(Bonus):
    """Nothing: the subgoal is only shown."""

    def pay(self, before: int, after: int, steps: int, terminated: bool) -> float:
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
