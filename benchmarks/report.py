"""From results to tables and pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from benchmarks.aggregate import (
    ALONE,
    Runs,
    best_and_last_quarter,
    frames_to,
    improvement,
    iqm,
    iqm_curve,
    read,
    thousands,
)
from benchmarks.claims import claims
from benchmarks.looks import look
from gym_llmteacher.learning.gates import GATES


def _interval(values: tuple[float, float, float], percent: bool = True) -> str:
    point, low, high = (100 * v if percent else v for v in values)
    return f"{point:.0f} ({low:.0f} to {high:.0f})" if low == low else f"{point:.0f}"


HEAD = (
    "arm", "seeds", "success %", "deterministic %", "argmax %", "frames to 90 %, median (worst)",
    "last quarter below best", "better than PPO, %", "frames/cpu-s", "LLM calls",
)  # fmt: skip
NOTES = """
success: share of 100 episodes solved by the student at the end of its run, sampled;
deterministic: the same without dice, as its policy does that (`LoopFreePolicy` on maps);
argmax: the most likely action, without memory;
frames to 90 %: at the first evaluation with that success;
last quarter below best: mean success of the last quarter of the run, in which no student of a
default schedule has a teacher, below that of the best quarter, wherever it lies; worst seed, in
points;
better than PPO: probability that a run ends above one of plain PPO of the same length.
Teachers alone act on the same episodes.
"""


def table(runs: Runs, task: str) -> str:
    """One row per arm."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    for arm in sorted(arm for t, arm in runs if t == task):
        seeds = runs[task, arm]
        last = [rows[-1] for rows in seeds.values()]
        cells = [arm, str(len(seeds)), _share(last, "success"), _share(last, "success_greedy")]
        if arm.endswith(ALONE):
            cells += ["-"] * (len(HEAD) - len(cells))
        else:
            reached = np.array([frames_to(rows) for rows in seeds.values()])
            speed = np.mean([row["frames"] / max(row["cpu_s"], 0.1) for row in last])
            cells += [
                _share(last, "success_argmax"),
                f"{thousands(np.median(reached))} ({thousands(reached.max())})",
                f"{100 * max(_fall(rows) for rows in seeds.values()):.1f}",
                _against(runs.get((task, "ppo")), last) if arm != "ppo" else "-",
                f"{speed:,.0f}",
                f"{np.mean([row['llm_calls'] for row in last]):.0f}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(rows: list[dict], name: str) -> str:
    values = [row[name] for row in rows if row.get(name) is not None]
    return _interval(iqm(np.array(values))) if values else "-"


def _against(plain: dict[int, list[dict]] | None, last: list[dict]) -> str:
    """Probability of improvement, where there are seeds enough for an interval."""
    if plain is None or len(plain) < 2 or len(last) < 2:
        return "-"
    theirs = np.array([rows[-1]["success"] for rows in plain.values()])
    return _interval(improvement(np.array([row["success"] for row in last]), theirs))


def _fall(rows: list[dict]) -> float:
    best, last = best_and_last_quarter(rows)
    return best - last


RIVALS = (
    "planner", "llm", "planner-replay", "llm-replay", "llm-longer", "planner-options",
    "hierarchical", "ppo",
)  # fmt: skip
"""Arms of the first picture of a task."""


def pictures(runs: Runs, task: str, folder: Path) -> dict[str, str]:
    """Draw a task's pictures; return the names of their files, and what they show in words."""
    themes: dict[str, list[str]] = defaultdict(list)
    for arm in sorted(arm for t, arm in runs if t == task and not arm.endswith((ALONE, "-long"))):
        themes[_theme(arm)].append(arm)
    rivals = [arm for arm in RIVALS if arm in themes["rivals"]]
    drawn = {
        f"{task}-{theme}.png": rivals if theme == "rivals" else [*arms, *rivals[-1:]]
        for theme, arms in themes.items()
        if arms
    }
    for name, arms in drawn.items():
        picture(runs, task, arms, folder / name)
    return {
        name: f"{task}, success against frames: " + ", ".join(look(arm)[0] for arm in arms)
        for name, arms in drawn.items()
    }


def _theme(arm: str) -> str:
    """Which of a task's pictures an arm is in; the last of the rivals is in all of them."""
    if arm in RIVALS:
        return "rivals"
    if arm.endswith(("-adaptive", *(f"+{gate}" for gate in GATES))):
        return "gates"
    return "variants" if arm.startswith(("cloning", "planner-", "simulated-")) else "teachers"


def picture(runs: Runs, task: str, arms: Sequence[str], path: Path) -> None:
    """Sample efficiency: IQM of success against frames, with intervals; dotted, teachers alone."""
    figure = Figure(figsize=(7.6, 4.2 + 0.2 * ((len(arms) + 1) // 2)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for arm in arms:
        words, color, style = look(arm)
        seeds = list(runs[task, arm].values())
        grid = np.array([row["frames"] for row in min(seeds, key=len)])
        curves = np.array(
            [np.interp(grid, [r["frames"] for r in s], [r["success"] for r in s]) for s in seeds]
        )
        middle, low, high = iqm_curve(curves)
        axes.plot(grid, middle, label=words, linewidth=2.0, color=color, linestyle=style)
        axes.fill_between(grid, low, high, alpha=0.1, color=color, linewidth=0)
        for bound in (low, high):  # bands that lie on each other can be told apart by their edges
            axes.plot(grid, bound, linewidth=0.6, alpha=0.6, color=color, linestyle=style)
        if alone := runs.get((task, arm + ALONE)):
            level = iqm(np.array([rows[-1]["success"] for rows in alone.values()]))[0]
            axes.axhline(level, color=color, linestyle=":", linewidth=1.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("environment steps (frames)")
    axes.set_ylabel("success")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.25, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    dotted = any((task, arm + ALONE) in runs for arm in arms)
    axes.set_title(task, loc="left")
    reading = "line: interquartile mean of the seeds; band: 95 % interval"
    reading += "; dotted: the teacher alone" if dotted else ""
    axes.set_title(reading, loc="right", fontsize=8, color="#4b5563")
    figure.legend(fontsize=8, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


def write_report(results: Path, out: Path) -> None:
    """Write ``paper.md`` and one picture per task."""
    out.mkdir(parents=True, exist_ok=True)
    runs = read(results)
    text = (
        "Written by `python -m benchmarks.paper report`. Interquartile means over seeds with 95 % "
        f"bootstrap intervals (rliable).\n\n## Claims\n\n{claims(runs)}\n## Arms\n{NOTES}"
    )
    for task in sorted({task for task, _ in runs}):
        text += f"\n## {task}\n\n"
        drawn = pictures(runs, task, out)
        text += "".join(f"![{words}]({name})\n\n" for name, words in drawn.items())
        text += table(runs, task)
    (out / "paper.md").write_text(text)
    print(f"wrote {out / 'paper.md'} and a picture per task")


ZOO = {
    "MiniGrid-FourRooms-v0": "5M",
    "MiniGrid-MultiRoom-N4-S5-v1": "10M, unsolved",
    "MiniGrid-LockedRoom-v0": "10M, unsolved",
    "MiniGrid-ObstructedMaze-2Dlh-v0": "10M, unsolved",
}
"""Frames that rl-zoo3's tuned PPO trains for, and its remark, where its file has the level."""


def overview(results: Path, out: Path) -> None:
    """Write one row per env and arm: how the end of training and the way there compare."""
    runs = read(results)
    head = ("env", "arm", "seeds", "frames to 90 %, median (worst)", "frames to plain PPO's end",
            "success % at the end", "deterministic %", "frames", "rl-zoo3's frames")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for task, arm in sorted(runs, key=lambda key: (key[0], key[1] == "ppo", key[1])):
        seeds = runs[task, arm].values()
        last = [rows[-1] for rows in seeds]
        reached = np.array([frames_to(rows) for rows in seeds])
        plain = [rows[-1]["success"] for rows in runs.get((task, "ppo"), {}).values()]
        as_good = [frames_to(rows, max(0.01, np.mean(plain))) for rows in seeds] if plain else []
        cells = (
            task.removeprefix("MiniGrid-"), arm, str(len(last)),
            f"{thousands(np.median(reached))} ({thousands(reached.max())})",
            thousands(np.median(as_good)) if as_good and arm != "ppo" else "-",
            _share(last, "success"), _share(last, "success_greedy"),
            thousands(max(row["frames"] for row in last)), ZOO.get(task, "-"),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    out.write_text("\n".join(lines) + "\n")
    print(f"wrote {out}")
