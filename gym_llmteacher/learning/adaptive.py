"""λ that follows the student instead of the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from gym_llmteacher.errors import ScheduleError
from gym_llmteacher.learning.schedules import CoefSchedule, Progress, check_falls, check_number

_SMOOTHING = 0.2
_IMPROVED = 0.97


@dataclass
class Adaptive(CoefSchedule):
    """λ falls when the student no longer gets closer to the teacher, and ends when it is as good.

    Three phases, none of which needs a frame count that fits the task:

    1. *Imitate*: λ = ``start`` while the (smoothed) KL to the prior still falls, by 3 % at least in
       every ``plateau_steps`` steps. A fixed schedule that decays before that wastes the teacher.
    2. *Follow*: λ falls in a straight line to ``floor`` over ``decay_steps``, and is held there.
    3. *Alone*: once the student's mean return has caught ``teacher_return``, at ``latest`` after so
       many steps, λ falls to exactly 0 over ``fade_steps``; the teacher is asked no more.

    The state is part of the schedule and of a saved student.

    :param teacher_return: mean return of the teacher alone, for example from ``gym-llmteacher
        evaluate``; ``None``: phase 3 begins when phase 2 has ended
    :raises ScheduleError: numbers that cannot be, or a floor above the start

    Example::

        >>> from gym_llmteacher.learning.schedules import Progress
        >>> coef = Adaptive(start=2.0, plateau_steps=100, decay_steps=100, fade_steps=100)
        >>> coef.observe(Progress(100, kl=1.0, mean_return=0.0)); coef(100)
        2.0
        >>> coef.observe(Progress(250, kl=1.0, mean_return=0.0)); coef(300)
        1.05
    """

    start: float = 3.0
    floor: float = 0.1
    plateau_steps: float = 10_000
    decay_steps: float = 30_000
    fade_steps: float = 20_000
    latest: float = math.inf
    teacher_return: float | None = None
    state: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_number("start", self.start)
        check_number("floor", self.floor)
        for name in ("plateau_steps", "decay_steps", "fade_steps"):
            check_number(name, getattr(self, name), 1)
        if self.latest != math.inf:
            check_number("latest", self.latest)
        check_falls(self.start, self.floor, "floor")
        if self.teacher_return is not None and not math.isfinite(self.teacher_return):
            raise ScheduleError(
                f"teacher_return is {self.teacher_return!r}, expected a finite number or None."
            )
        self.state = dict(self.state)

    def restart(self) -> None:
        """Begin with phase 1 again."""
        self.state = {}

    def observe(self, progress: Progress) -> None:
        """Move on to the next phase when it is time. Called after every update."""
        now, state = float(progress.num_timesteps), self.state
        if "decay_from" not in state and self._imitated(progress):
            state["decay_from"] = now
        if "fade_from" not in state and self._caught_up(progress):
            state["fade_from"], state["fade_at"] = now, self(progress.num_timesteps)

    def _imitated(self, progress: Progress) -> bool:
        state, now = self.state, progress.num_timesteps
        if math.isnan(progress.kl):
            return False
        kl = state["kl"] = _SMOOTHING * progress.kl + (1 - _SMOOTHING) * state.get(
            "kl", progress.kl
        )
        if kl < _IMPROVED * state.get("best_kl", math.inf):
            state["best_kl"], state["best_at"] = kl, float(now)
        return now - state["best_at"] >= self.plateau_steps

    def _caught_up(self, progress: Progress) -> bool:
        if progress.num_timesteps >= self.latest:
            return True
        if "decay_from" not in self.state:
            return False
        if self.teacher_return is None:
            return progress.num_timesteps >= self.state["decay_from"] + self.decay_steps
        return progress.mean_return >= self.teacher_return

    def __call__(self, num_timesteps: int) -> float:
        if "fade_from" in self.state:
            left = 1.0 - (num_timesteps - self.state["fade_from"]) / self.fade_steps
            return self.state["fade_at"] * min(1.0, max(0.0, left))
        if "decay_from" not in self.state:
            return float(self.start)
        share = min(1.0, max(0.0, (num_timesteps - self.state["decay_from"]) / self.decay_steps))
        return self.start + (self.floor - self.start) * share

    @property
    def zero_from(self) -> float:
        if self.start == 0:
            return 0.0
        return self.state["fade_from"] + self.fade_steps if "fade_from" in self.state else math.inf
