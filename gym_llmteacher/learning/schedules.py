"""Schedules of the teaching coefficient λ, as functions of absolute environment steps.

Absolute, because decay by remaining progress climbs again when training is resumed
(``learn(..., reset_num_timesteps=False)``). Each schedule is a frozen dataclass: it can be pickled,
compared, printed, and written as a dict in YAML::

    teacher_coef: {shape: llm4teach, start: 3.0, floor: 0.1, decay_steps: 100000, cut_steps: 150000}
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real

from gym_llmteacher.errors import ScheduleError


@dataclass(frozen=True)
class Progress:
    """What a schedule may look at after an update.

    :param num_timesteps: env steps so far
    :param kl: mean forward KL(prior || student) over the update, nats; NaN if nothing was taught
    :param mean_return: mean return of the student's last 100 episodes; NaN before the first ends
    """

    num_timesteps: int
    kl: float
    mean_return: float


class CoefSchedule(ABC):
    """λ(t) for env step t: non-negative and never rising."""

    def observe(self, progress: Progress) -> None:  # noqa: B027  (fixed schedules do not look)
        """Take note of how the student is doing. Called after every update."""

    def restart(self) -> None:  # noqa: B027
        """Forget what was observed: the env steps are counted from 0 again."""

    @abstractmethod
    def __call__(self, num_timesteps: int) -> float:
        """Return λ at this number of env steps."""

    @property
    @abstractmethod
    def zero_from(self) -> float:
        """The env step from which λ is exactly 0 for good (``inf`` if it never is)."""


def check_number(name: str, value: float, low: float = 0.0) -> None:
    """Check that an argument is a finite number, ``low`` or more."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ScheduleError(f"{name} is {value!r}, expected a finite number >= {low:g}.")
    if value < low:
        raise ScheduleError(
            f"{name} is {value:g}, expected a number >= {low:g}: the teaching loss is added to "
            "PPO's, so a negative one would teach the opposite."
        )


def check_falls(start: float, end: float, end_name: str) -> None:
    """Check that λ does not rise."""
    if end > start:
        raise ScheduleError(
            f"the schedule rises from start={start:g} to {end_name}={end:g}; λ must not rise. "
            "Swap the two values."
        )


def check_order(first_name: str, first: float, second_name: str, second: float) -> None:
    """Check that one step count does not come before another."""
    if second < first:
        raise ScheduleError(
            f"{second_name}={second:g} comes before {first_name}={first:g}; expected "
            f"{second_name} >= {first_name}."
        )


@dataclass(frozen=True)
class Constant(CoefSchedule):
    """λ stays at ``value``.

    >>> Constant(0.5)(1_000_000)
    0.5
    """

    value: float

    def __post_init__(self) -> None:
        check_number("teacher_coef", self.value)

    def __call__(self, num_timesteps: int) -> float:
        return float(self.value)

    @property
    def zero_from(self) -> float:
        return math.inf if self.value > 0 else 0.0


@dataclass(frozen=True)
class Linear(CoefSchedule):
    """λ falls in a straight line from ``start`` to ``end`` over ``steps``, then stays.

    >>> Linear(2.0, 0.0, steps=100)(50)
    1.0
    """

    start: float
    end: float = 0.0
    steps: float = 100_000

    def __post_init__(self) -> None:
        check_number("start", self.start)
        check_number("end", self.end)
        check_number("steps", self.steps, 1)
        check_falls(self.start, self.end, "end")

    def __call__(self, num_timesteps: int) -> float:
        if num_timesteps >= self.steps:
            return float(self.end)
        return self.start + (self.end - self.start) * max(0, num_timesteps) / self.steps

    @property
    def zero_from(self) -> float:
        if self.start == 0:
            return 0.0
        return float(self.steps) if self.end == 0 else math.inf


@dataclass(frozen=True)
class Exponential(CoefSchedule):
    """λ halves every ``half_life`` steps and is exactly 0 from ``cut_steps`` on.

    :param hold_steps: λ stays at ``start`` so long before it begins to fall

    >>> Exponential(4.0, half_life=100, cut_steps=1000)(200)
    1.0
    >>> Exponential(4.0, half_life=100, hold_steps=100)(200)
    2.0
    """

    start: float
    half_life: float
    cut_steps: float = math.inf
    hold_steps: float = 0.0

    def __post_init__(self) -> None:
        check_number("start", self.start)
        check_number("half_life", self.half_life, 1)
        check_number("hold_steps", self.hold_steps)
        if self.cut_steps != math.inf:
            check_number("cut_steps", self.cut_steps)
            check_order("hold_steps", self.hold_steps, "cut_steps", self.cut_steps)

    def __call__(self, num_timesteps: int) -> float:
        if num_timesteps >= self.cut_steps:
            return 0.0
        falling = max(0, num_timesteps - self.hold_steps)
        return float(self.start * 0.5 ** (falling / self.half_life))

    @property
    def zero_from(self) -> float:
        return 0.0 if self.start == 0 else float(self.cut_steps)


@dataclass(frozen=True)
class LLM4Teach(CoefSchedule):
    """The paper's shape: linear from ``start`` to ``floor``, hold, then exactly 0.

    LLM4Teach (arXiv 2311.13373): start 10, floor 0.1, linear over the first tenth of training, cut
    at 15 %; the rest is pure PPO.

    :param begin: env step from which ``decay_steps`` and ``cut_steps`` are counted: 0, or where a
        student that has trained before begins to be taught

    >>> coef = LLM4Teach(10.0, floor=0.1, decay_steps=100, cut_steps=150)
    >>> coef(0), coef(100), coef(149), coef(150)
    (10.0, 0.1, 0.1, 0.0)
    """

    start: float = 10.0
    floor: float = 0.1
    decay_steps: float = 100_000
    cut_steps: float = 150_000
    begin: float = 0.0

    def __post_init__(self) -> None:
        check_number("start", self.start)
        check_number("floor", self.floor)
        check_number("begin", self.begin)
        check_number("decay_steps", self.decay_steps, 1)
        check_number("cut_steps", self.cut_steps)
        check_falls(self.start, self.floor, "floor")
        check_order("decay_steps", self.decay_steps, "cut_steps", self.cut_steps)

    def __call__(self, num_timesteps: int) -> float:
        steps = num_timesteps - self.begin
        if steps >= self.cut_steps:
            return 0.0
        if steps >= self.decay_steps:
            return float(self.floor)
        return self.start + (self.floor - self.start) * max(0, steps) / self.decay_steps

    @property
    def zero_from(self) -> float:
        return 0.0 if self.start == 0 else float(self.begin + self.cut_steps)
