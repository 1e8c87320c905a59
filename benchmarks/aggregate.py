"""Results read from JSON Lines, and rliable's aggregates of them, with bootstrap intervals."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from rliable import library, metrics
from scipy.stats import trim_mean

from benchmarks.run import SOLVED

Key = tuple[str, str]
"""Task and arm."""

Runs = dict[Key, dict[int, list[dict]]]
"""Evaluations by (task, arm) and seed, in order of frames."""

REPS = 2_000
ALONE = "-alone"
"""How the names of arms end in which a teacher acts."""


def read(path: Path) -> Runs:
    """Evaluations by (task, arm) and seed, in order of frames."""
    runs: Runs = defaultdict(lambda: defaultdict(list))
    for line in path.read_text().splitlines():
        row = json.loads(line)
        runs[row["task"], row["arm"]][row["seed"]].append(row)
    return runs


def intervals(
    scores: dict[str, np.ndarray], aggregate: Callable[..., np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Points and 95 % bootstrap intervals, the same for the same results every time."""
    # rliable draws from NumPy's global generator, whatever generator it is given.
    before = np.random.get_state()
    np.random.seed(0)
    try:
        return library.get_interval_estimates(scores, aggregate, reps=REPS)
    finally:
        np.random.set_state(before)


def iqm(values: np.ndarray) -> tuple[float, float, float]:
    """Interquartile mean of one value per seed, and its 95 % bootstrap interval."""
    return _iqm(tuple(float(value) for value in values))


@cache
def _iqm(values: tuple[float, ...]) -> tuple[float, float, float]:
    if len(values) < 2:
        return values[0], math.nan, math.nan
    scores = {"x": np.array(values)[:, None]}
    point, interval = intervals(scores, lambda x: np.array([metrics.aggregate_iqm(x)]))
    return float(point["x"][0]), float(interval["x"][0, 0]), float(interval["x"][1, 0])


def iqm_curve(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interquartile mean of each point of the curves, and its 95 % bootstrap interval.

    :param curves: one row per seed
    """
    if len(curves) < 2:
        return curves[0], curves[0], curves[0]
    point, interval = intervals({"x": curves}, lambda x: trim_mean(x, 0.25, axis=0))
    return point["x"], interval["x"][0], interval["x"][1]


def improvement(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """Probability that a run of ours ends above one of theirs, with its interval."""
    pairs = {"x,y": (ours[:, None], theirs[:, None])}
    point, interval = intervals(pairs, metrics.probability_of_improvement)
    return float(point["x,y"]), float(interval["x,y"][0, 0]), float(interval["x,y"][1, 0])


def frames_to(rows: list[dict], success: float = SOLVED) -> float:
    """Frames at the first evaluation with this success; infinite if there is none."""
    return next((row["frames"] for row in rows if row["success"] >= success), np.inf)


def best_and_last_quarter(rows: list[dict]) -> tuple[float, float]:
    """Mean success of a run's best quarter, wherever it lies, and of its last one.

    Means, because the best of thirty single evaluations is points above them by luck alone.
    """
    frames = np.array([row["frames"] for row in rows])
    success = np.array([row["success"] for row in rows])
    quarter = frames[-1] / 4
    means = [
        success[(frames > end - quarter) & (frames <= end)].mean()
        for end in frames[frames >= quarter]
    ]
    return float(max(means)), float(means[-1])


def thousands(frames: float) -> str:
    """Write frames for a table."""
    return "never" if np.isinf(frames) else f"{frames / 1000:.0f}k"
