"""Claim by claim: what was asked of the method, what was measured, and whether that is enough.

Bars are judged by these functions alone, from the results alone; those that compare intervals only
where there are two seeds at least. Lost bars are printed like won ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.aggregate import (
    ALONE,
    Runs,
    best_and_last_quarter,
    frames_to,
    improvement,
    iqm,
    thousands,
)
from benchmarks.run import SOLVED

FRAMES = {
    "SimpleDoorKey": 50_000,
    "LavaDoorKey": 150_000,
    "ColoredDoorKey": 200_000,
    "DivergedDoorKey": 500_000,
}
"""The paper's tasks, and in how many frames a student should be at 90 %."""

STUDENTS = ("planner", "llm", "planner-replay", "llm-replay", "llm-longer")
"""The students whose frames are compared with those of RL without a teacher."""

MOSTLY = 0.8
"""What students of imperfect teachers reach by imitation."""

SOFT_HARD = (("soft-0.6", "hard-0.6"), ("llm-letters", "llm-letters-hard"))
CONTROLS = ("Empty-8x8", "FrozenLake")
"""Tasks that plain PPO learns: bad advice must do no harm there."""

ORIGINAL_CPU_S = 300.0
"""CPU-seconds of the original's 200,000 frames on SimpleDoorKey, which ended at 91 to 95 %."""

Claim = tuple[str, str, str, str]
"""Task, what was measured, what is asked, verdict."""


def frames_of(runs: Runs, task: str, arm: str, success: float = SOLVED) -> np.ndarray:
    """Frames of each seed to this success, infinite where it was never seen."""
    return np.array([frames_to(rows, success) for rows in runs[task, arm].values()])


def ends(runs: Runs, task: str, arm: str, name: str = "success") -> np.ndarray:
    """The last evaluation of each seed."""
    return np.array([rows[-1][name] for rows in runs[task, arm].values()])


def _verdict(met: bool) -> str:
    return "met" if met else "**not met**"


def _percent(values: np.ndarray) -> str:
    point, low, high = (100 * value for value in iqm(values))
    return f"{point:.0f} ({low:.0f} to {high:.0f}) %"


def few_frames(runs: Runs) -> Iterator[Claim]:
    """Frames to 90 % sampled success."""
    for task, bar in FRAMES.items():
        for arm in STUDENTS:
            if (task, arm) in runs:
                reached = frames_of(runs, task, arm)
                text = f"{arm}: {thousands(np.median(reached))}, worst {thousands(reached.max())}"
                text += f" ({len(reached)} seeds)"
                yield task, text, f"<= {thousands(bar)}", _verdict(reached.max() <= bar)


def fewer_than_plain(runs: Runs) -> Iterator[Claim]:
    """Plain PPO's frames over a student's, to 90 % (which is judged) and to 80 %.

    Where most seeds of PPO stop before they are there, what they were trained for is a bound.
    """
    for task in FRAMES:
        plain = "ppo-long" if (task, "ppo-long") in runs else "ppo"
        if (task, plain) not in runs:
            continue
        for arm in STUDENTS:
            if (task, arm) in runs:
                times, solved, frames = _times_fewer(runs, task, plain, arm, SOLVED)
                _, mostly, _ = _times_fewer(runs, task, plain, arm, MOSTLY)
                text = f"{arm}: {solved}, {mostly}; plain PPO {frames}"
                text += f" (median of {len(runs[task, plain])})"
                yield task, text, ">= 20x", _verdict(times >= 20)


def _times_fewer(
    runs: Runs, task: str, plain: str, arm: str, goal: float
) -> tuple[float, str, str]:
    """How many times fewer frames, in words too, and plain PPO's frames."""
    theirs = frames_of(runs, task, plain, goal)
    bound = np.median(np.where(np.isinf(theirs), ends(runs, task, plain, "frames"), theirs))
    sign = ">= " if np.isinf(np.median(theirs)) else ""
    times = float(bound / np.median(frames_of(runs, task, arm, goal)))
    return times, f"{sign}{times:.0f}x to {100 * goal:.0f} %", f"{sign}{thousands(bound)}"


def fewer_than_options(runs: Runs) -> Iterator[Claim]:
    """A student's frames against PPO over the same options, without a teacher."""
    for task in FRAMES:
        if (task, "hierarchical") not in runs:
            continue
        theirs = np.median(frames_of(runs, task, "hierarchical"))
        for arm in (*STUDENTS, "planner-options"):
            if (task, arm) in runs:
                ours = np.median(frames_of(runs, task, arm))
                text = f"{arm}: {thousands(ours)} against {thousands(theirs)}"
                yield task, text, "fewer", _verdict(bool(ours < theirs))


def better_than_teacher(runs: Runs) -> Iterator[Claim]:
    """Where a teacher is below 95 %, its student ends above it, intervals apart."""
    for task, arm in sorted(runs):
        alone = (task, arm.removesuffix("-longer").removesuffix("-replay") + ALONE)
        if alone not in runs or len(runs[alone]) < 2 or len(runs[task, arm]) < 2:
            continue
        theirs, ours = ends(runs, *alone), ends(runs, task, arm)
        if iqm(theirs)[0] < 0.95:
            text = f"{arm}: {_percent(ours)}; its teacher {_percent(theirs)}"
            yield task, text, "above", _verdict(iqm(ours)[1] > iqm(theirs)[2])


def soft_beats_hard(runs: Runs) -> Iterator[Claim]:
    """Distributions over plans teach better than one plan drawn from them."""
    for task in FRAMES:
        for soft, hard in SOFT_HARD:
            if min(len(runs.get((task, arm), {})) for arm in (soft, hard)) < 2:
                continue
            areas = [
                np.array([np.mean([r["success"] for r in rows]) for rows in runs[task, a].values()])
                for a in (soft, hard)
            ]
            point, low, high = improvement(*areas)
            reached = [thousands(np.median(frames_of(runs, task, a))) for a in (soft, hard)]
            text = (
                f"{soft} {reached[0]}, mean success {_percent(areas[0])}; {hard} {reached[1]}, "
                f"{_percent(areas[1])}; P(soft better) {point:.2f} ({low:.2f} to {high:.2f})"
            )
            yield task, text, "P above 0.5", _verdict(low > 0.5)


def deterministic(runs: Runs) -> Iterator[Claim]:
    """A student without dice does what one with dice does."""
    for task in FRAMES:
        for arm in STUDENTS:
            if (task, arm) in runs:
                ours = ends(runs, task, arm, "success_greedy")
                ratio = float(np.mean(ours) / np.mean(ends(runs, task, arm)))
                text = f"{arm}: {_percent(ours)}, {100 * ratio:.0f} % of sampled"
                yield task, text, ">= 95 % of sampled", _verdict(ratio >= 0.95)


def without_teacher(runs: Runs) -> Iterator[Claim]:
    """Success does not fall when the teacher is gone."""
    for task in FRAMES:
        for arm in STUDENTS:
            if (task, arm) in runs:
                pairs = [best_and_last_quarter(rows) for rows in runs[task, arm].values()]
                fall = 100 * max(best - last for best, last in pairs)
                lowest = 100 * min(
                    row["success"]
                    for rows in runs[task, arm].values()
                    for row in rows
                    if row["frames"] >= 0.75 * rows[-1]["frames"]
                )
                text = f"{arm}: at most {fall:.1f} points below, lowest {lowest:.0f} %"
                yield task, text, "<= 2 points", _verdict(fall <= 2.0)


def bad_advice(runs: Runs) -> Iterator[Claim]:
    """Random and always-wrong teachers: final return, and frames to 90 % of what PPO ends with.

    With ``+eval`` a teacher has to show first that it is better than the untaught student.
    """
    for task in CONTROLS:
        if len(runs.get((task, "ppo"), {})) < 2:
            continue
        plain, low, high = iqm(ends(runs, task, "ppo", "return"))
        goal = 0.9 * iqm(ends(runs, task, "ppo"))[0]
        theirs = np.median(frames_of(runs, task, "ppo", goal))
        for arm in ("random", "wrong", "random+eval", "wrong+eval"):
            if (task, arm) not in runs:
                continue
            ours = iqm(ends(runs, task, arm, "return"))[0]
            ratio = np.median(frames_of(runs, task, arm, goal)) / theirs
            frames = "never" if np.isinf(ratio) else f"{ratio:.2f}x its frames"
            text = (
                f"{arm}: return {ours:.3f}, plain PPO {plain:.3f} ({low:.3f} to {high:.3f}); "
                f"{frames} to {100 * goal:.0f} %"
            )
            yield task, text, "inside, <= 1.25x", _verdict(ours >= low and ratio <= 1.25)


def cpu_seconds(runs: Runs) -> Iterator[Claim]:
    """Training time to 90 % on SimpleDoorKey."""
    for arm in STUDENTS:
        if ("SimpleDoorKey", arm) in runs:
            spent = [
                next((row["cpu_s"] for row in rows if row["success"] >= SOLVED), np.inf)
                for rows in runs["SimpleDoorKey", arm].values()
            ]
            text = f"{arm}: {np.median(spent):.0f} CPU-s, worst {max(spent):.0f}"
            bar = ORIGINAL_CPU_S / 5
            yield "SimpleDoorKey", text, f"<= {bar:.0f} CPU-s", _verdict(max(spent) <= bar)


CLAIMS = {
    "Few frames to 90 % success": few_frames,
    "Fewer than plain PPO": fewer_than_plain,
    "Fewer than PPO over the same options": fewer_than_options,
    "Students surpass their teachers": better_than_teacher,
    "Soft advice is better than hard": soft_beats_hard,
    "Deterministic students": deterministic,
    "The last quarter, without a teacher, against the best": without_teacher,
    "Bad advice does no harm": bad_advice,
    "Training time": cpu_seconds,
}


def claims(runs: Runs) -> str:
    """All claims as one Markdown table."""
    lines = ["| claim | task | measured | bar | |", "|---|---|---|---|---|"]
    for title, measured in CLAIMS.items():
        for claim in measured(runs):
            lines.append(f"| {title} | {' | '.join(claim)} |")
            title = ""  # once is enough
    return "\n".join(lines) + "\n"
