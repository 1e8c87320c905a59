"""A progress bar that tells what a person waiting wants to know."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback

from gym_llmteacher.sb3.taught_algorithm import TaughtAlgorithm


def make_progress(console: Console) -> Progress:
    """Columns: label, bar, frames, success, λ, calls and spend, time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.completed:>7,.0f}"),
        TextColumn("{task.fields[status]}"),
        TimeRemainingColumn(compact=True),
        console=console,
    )


_WINDOW = 100
"""Episodes in SB3's success rate (its default ``stats_window_size``)."""


class ProgressCallback(BaseCallback):
    """Keeps the bar up to date, and records the learning curve after every rollout.

    ``curve`` is a list of ``(frames, success rate of the last 100 training episodes)``; ``taught``,
    of students with a teacher, is one of ``(frames, λ, calls to the language model so far)``.

    :param totals: gives the teachers' totals so far; empty where there is none
    """

    def __init__(
        self, progress: Progress, task: TaskID, totals: Callable[[], Mapping[str, float]]
    ) -> None:
        super().__init__()
        self._progress, self._task = progress, task
        self._totals = totals
        self.curve: list[tuple[int, float]] = []
        self.taught: list[tuple[int, float, float]] = []
        self._tenth = 0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        success = self._success()
        self.curve.append((self.num_timesteps, success))
        parts = [self._return() if math.isnan(success) else f"success {success:4.0%}"]
        totals = self._totals()
        if isinstance(self.model, TaughtAlgorithm):
            coef = self.model.current_coef
            self.taught.append((self.num_timesteps, coef, totals.get("calls", 0.0)))
            parts.append(f"λ {coef:.2f}")
        if "calls" in totals:
            parts.append(f"{totals['calls']:.0f} calls")
            if totals.get("cost_usd"):  # 0 where no price is known
                parts.append(f"${totals['cost_usd']:.2f}")
        status = " · ".join(parts)
        self._progress.update(self._task, completed=self.num_timesteps, status=status)
        self._log(status)

    def _success(self) -> float:
        """Success rate of the last episodes; NaN where nobody can tell."""
        if self.model.ep_info_buffer and not self.model.ep_success_buffer:
            return math.nan
        # Episodes not yet played count as failures, or one lucky first episode would be 100 %.
        return float(np.sum(self.model.ep_success_buffer or 0)) / _WINDOW

    def _return(self) -> str:
        return f"return {np.mean([e['r'] for e in self.model.ep_info_buffer or ()]):.1f}"

    def _log(self, status: str) -> None:
        """Where there is no terminal, a bar does not show: a line for every tenth of the steps."""
        console = self._progress.console
        total = self._progress.tasks[self._task].total or 1
        tenth = int(10 * self.num_timesteps / total)
        if not console.is_terminal and tenth > self._tenth:
            self._tenth = tenth
            label = self._progress.tasks[self._task].description
            console.print(f"{label} {self.num_timesteps:>9,} frames · {status}", highlight=False)
