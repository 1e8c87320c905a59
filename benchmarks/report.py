"""From JSON Lines to a table, pictures, and rliable's aggregates with bootstrap intervals."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rliable import library, metrics

from benchmarks.run import SOLVED

Key = tuple[str, str]
REPS = 5_000
ALONE = "-alone"
"""How the names of arms end in which a teacher acts."""


def read(path: Path) -> dict[Key, dict[int, list[dict]]]:
    """Evaluations by (task, arm) and seed, in order of frames."""
    runs: dict[Key, dict[int, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for line in path.read_text().splitlines():
        row = json.loads(line)
        runs[row["task"], row["arm"]][row["seed"]].append(row)
    return runs


def iqm(values: np.ndarray) -> tuple[float, float, float]:
    """Interquartile mean of one value per seed, and its 95 % bootstrap interval."""
    scores = {"x": np.asarray(values, dtype=float)[:, None]}
    if len(values) < 2:
        return float(values[0]), float("nan"), float("nan")
    point, interval = library.get_interval_estimates(
        scores, lambda x: np.array([metrics.aggregate_iqm(x)]), reps=REPS
    )
    return float(point["x"][0]), float(interval["x"][0, 0]), float(interval["x"][1, 0])


def improvement(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """Probability that a run of ours ends above one of theirs, with its interval."""
    pairs = {"x,y": (ours[:, None], theirs[:, None])}
    point, interval = library.get_interval_estimates(
        pairs, metrics.probability_of_improvement, reps=REPS
    )
    return float(point["x,y"]), float(interval["x,y"][0, 0]), float(interval["x,y"][1, 0])


def frames_to(rows: list[dict], success: float = SOLVED) -> float:
    """Frames at the first evaluation with this success; infinite if there is none."""
    return next((row["frames"] for row in rows if row["success"] >= success), np.inf)


def _interval(values: tuple[float, float, float], percent: bool = True) -> str:
    point, low, high = (100 * v if percent else v for v in values)
    return f"{point:.0f} ({low:.0f} to {high:.0f})" if low == low else f"{point:.0f}"


def _thousands(frames: float) -> str:
    return "never" if np.isinf(frames) else f"{frames / 1000:.0f}k"


HEAD = (
    "arm", "seeds", "success %", "deterministic %", "argmax %", "frames to 90 %, median (worst)",
    "last quarter below peak", "better than PPO, %", "frames/cpu-s", "LLM calls",
)  # fmt: skip
NOTES = """
success: share of 100 episodes solved by the student at the end of its run, sampled;
deterministic: the same without dice, as its policy does that (`LoopFreePolicy` on maps);
argmax: the most likely action, without memory;
frames to 90 %: at the first evaluation with that success;
last quarter below peak: mean success of the last quarter of the run, in which no student of a
default schedule has a teacher, below the best evaluation of the whole run, worst seed, in points;
better than PPO: probability that a run ends above one of plain PPO of the same length.
Teachers alone act on the same episodes.
"""


def table(runs: dict[Key, dict[int, list[dict]]], task: str) -> str:
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
                f"{_thousands(np.median(reached))} ({_thousands(reached.max())})",
                f"{100 * max(_fall(rows) for rows in seeds.values()):.0f}",
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
    """How far the mean success of the last quarter is below the best evaluation."""
    quarter = [row["success"] for row in rows if row["frames"] >= 0.75 * rows[-1]["frames"]]
    return max(row["success"] for row in rows) - float(np.mean(quarter))


def picture(runs: dict[Key, dict[int, list[dict]]], task: str, path: Path) -> None:
    """Sample efficiency: IQM of success against frames, with intervals."""
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    alone: dict[float, list[str]] = defaultdict(list)
    for arm in sorted(arm for t, arm in runs if t == task):
        seeds = list(runs[task, arm].values())
        if arm.endswith(ALONE):
            level = iqm(np.array([rows[-1]["success"] for rows in seeds]))[0]
            alone[round(level, 2)].append(arm)
            continue
        grid = np.array([row["frames"] for row in min(seeds, key=len)])
        curves = np.array(
            [np.interp(grid, [r["frames"] for r in s], [r["success"] for r in s]) for s in seeds]
        )
        points = np.array([iqm(curves[:, i]) for i in range(len(grid))])
        (line,) = axes.plot(grid / 1000, points[:, 0], label=arm, linewidth=1.8)
        axes.fill_between(
            grid / 1000, points[:, 1], points[:, 2], alpha=0.15, color=line.get_color(), linewidth=0
        )
    for level, names in alone.items():
        axes.axhline(level, color="grey", linestyle=":", linewidth=1)
        where = axes.get_yaxis_transform()  # x in axes, y in data
        label = ", ".join(names)
        axes.text(0.99, level, label, color="grey", fontsize=7, ha="right", transform=where)
    axes.set_xlabel("thousand environment steps (frames)")
    axes.set_ylabel("success, IQM over seeds")
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(task, loc="left")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=110)


def write_report(results: Path, out: Path) -> None:
    """Write ``paper.md`` and one picture per task."""
    runs = read(results)
    text = (
        "Written by `python -m benchmarks.paper report`. Interquartile means over seeds with 95 % "
        f"bootstrap intervals (rliable).\n{NOTES}"
    )
    for task in sorted({task for task, _ in runs}):
        text += f"\n## {task}\n\n"
        if any(t == task and not arm.endswith(ALONE) for t, arm in runs):
            text += f"![]({task}.png)\n\n"
            picture(runs, task, out / f"{task}.png")
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
            f"{_thousands(np.median(reached))} ({_thousands(reached.max())})",
            _thousands(np.median(as_good)) if as_good and arm != "ppo" else "-",
            _share(last, "success"), _share(last, "success_greedy"),
            _thousands(max(row["frames"] for row in last)), ZOO.get(task, "-"),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    out.write_text("\n".join(lines) + "\n")
    print(f"wrote {out}")
