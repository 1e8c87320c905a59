"""The table and the picture of `benchmarks.subgoals`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.groups import Groups, read_groups, share
from benchmarks.marks import write_between_marks
from benchmarks.subgoals import ARMS, LEVELS

RESULTS = Path(__file__).parent / "results"
EPISODES = 40
DRAWN = {
    "ppo": "PPO",
    "subgoals": "PPO and subgoals",
    "subgoals, paper's bonus": "PPO and subgoals, paper's bonus",
    "subgoals, potential": "PPO and subgoals, potential",
    "TeacherPPO": "TeacherPPO",
    "both": "TeacherPPO and subgoals",
}


def read(path: Path) -> Groups:
    groups = read_groups(path, "level", "arm")
    order = [(level, arm) for level in LEVELS for arm in ("ppo", *ARMS)]
    return {key: groups[key] for key in dict.fromkeys(order) if key in groups}


def frames(group: list[dict[str, Any]]) -> str:
    """Frames to 80 % by seed; of those that never came there, in how many."""
    return ", ".join(
        f"{line['to_80'] / 1000:.0f}k" if line["to_80"] else f"not in {line['frames'] / 1000:.0f}k"
        for line in group
    )


def fewer(group: list[dict[str, Any]], ppo: list[dict[str, Any]]) -> str:
    """How many times fewer frames than plain PPO, by the medians; a bound where PPO never came."""
    if not ppo:
        return ""
    own, its = (np.median([line["to_80"] or np.inf for line in lines]) for lines in (group, ppo))
    if np.isinf(own):
        return ""
    if np.isinf(its):
        return f"> {min(line['frames'] for line in ppo) / own:.1f}"
    return f"{its / own:.1f}"


def table(groups: Groups) -> str:
    rows = [
        "| level | student | frames to 80 %, by seed | times fewer than PPO "
        "| success at the end, % | without subgoals |",
        "|---|---|---|---|---|---|",
    ]
    for (level, arm), group in groups.items():
        alone = [line["without"] for line in group if "without" in line]
        ppo = groups.get((level, "ppo"), [])
        rows.append(
            f"| {level.removeprefix('MiniGrid-').removesuffix('-v0')} | {arm} | {frames(group)} "
            f"| {fewer(group, ppo) if arm != 'ppo' else ''} "
            f"| {share([line['last'] for line in group], EPISODES)} "
            f"| {share(alone, EPISODES) if alone else ''} |"
        )
    return "\n".join(rows) + "\n"


def picture(groups: Groups, path: Path) -> None:
    """Success against frames; a run that stopped early keeps what it came to."""
    from matplotlib.figure import Figure

    levels = list(dict.fromkeys(level for level, _ in groups))
    rows = -(-len(levels) // 2)
    figure = Figure(figsize=(9.0, 3.2 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, 2, sharey=True, squeeze=False).ravel()
    for axis, level in zip(axes, levels, strict=False):
        every = LEVELS[level][2]
        # Plain PPO goes on, at 0 %, for many times as long.
        own = [x for (lv, arm), group in groups.items() if (lv, arm) != (level, "ppo")
               for x in group if lv == level]  # fmt: skip
        last = max(x["frames"] for x in own)
        grid = np.arange(0, last + 1, every)
        for color, (arm, name) in enumerate(DRAWN.items()):
            group = groups.get((level, arm), [])
            if not group:
                continue
            curves = np.array([
                np.interp(grid, [0, *(x for x, _ in line["curve"])],
                          [0.0, *(y for _, y in line["curve"])])
                for line in group
            ])  # fmt: skip
            axis.plot(grid / 1000, curves.mean(axis=0), color=f"C{color}", label=name)
            axis.fill_between(grid / 1000, curves.min(axis=0), curves.max(axis=0), lw=0,
                              color=f"C{color}", alpha=0.12)  # fmt: skip
        axis.set_title(level.removeprefix("MiniGrid-").removesuffix("-v0"), fontsize=10)
        axis.set_xlabel("thousand frames")
        axis.grid(alpha=0.25)
    for axis in axes[::2]:
        axis.set_ylabel("success")
    axes[0].set_ylim(-0.02, 1.02)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3,
                  frameon=False)  # fmt: skip
    figure.savefig(path, dpi=110)


def report() -> None:
    groups = read(RESULTS / "subgoals.jsonl")
    (RESULTS / "subgoals.md").write_text(
        "Written by `python -m benchmarks.subgoals report`. Trained until two looks in a row are "
        f"at 90 %, or the budget is spent; a look is {EPISODES} episodes that nobody trained on. "
        "One entry per seed; success with Wilson's 95 % interval of all episodes. Times "
        "fewer: by the medians; a bound where PPO never came there. The last column: "
        f"the same students, shown no subgoals, nobody asked.\n\n{table(groups)}"
    )
    picture(groups, RESULTS / "subgoals.png")
    page = RESULTS.parents[1] / "docs" / "subgoals.md"
    write_between_marks(page, "benchmarks.subgoals", table(groups))
