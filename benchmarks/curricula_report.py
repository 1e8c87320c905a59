"""The tables and the picture of `benchmarks.curricula`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.curricula import PARTS
from benchmarks.groups import Groups, read_groups, share
from benchmarks.marks import write_between_marks

RESULTS = Path(__file__).parent / "results"
TITLES = {
    "levels": "One student, several levels",
    "hard": "A level that is too hard at first: KeyCorridorS6R3, 300 steps",
    "harm": "Writers that do harm: Empty-Random-6x6, plain PPO",
}
SOLVED = 0.8


def read(path: Path) -> Groups:
    groups = read_groups(path, "part", "arm")
    order = [(part, arm) for part in PARTS for arm in PARTS[part].writers]
    return {key: groups[key] for key in order if key in groups}


def least(line: dict[str, Any]) -> list[tuple[int, float]]:
    """After so many frames, success in the skill that is worst."""
    return [(row[0], min(x or 0.0 for x in row[1:])) for row in line["curve"]]


def reached(line: dict[str, Any], looks: int = 1) -> str:
    """Frames at the first of so many looks in a row at which the worst skill was there."""
    shares = least(line)
    frames = next(
        (shares[i][0] for i in range(len(shares) - looks + 1)
         if all(share >= SOLVED for _, share in shares[i : i + looks])), None
    )  # fmt: skip
    return f"{frames / 1000:.0f}k" if frames else f"not in {line['curve'][-1][0] / 1000:.0f}k"


def table(part: str, groups: Groups) -> str:
    arms = {arm: group for (of, arm), group in groups.items() if of == part}
    skills = next(iter(arms.values()))[0]["skills"]
    names = [json.loads(skill).get("level", "success") for skill in skills]
    short = " | ".join(name.removeprefix("BabyAI-").removesuffix("-v0") for name in names)
    rows = [f"| writer | frames to 80 % on each, by seed | in two looks in a row | {short} "
            "| mixes dropped |", f"|---|---|---|{'---|' * len(skills)}---|"]  # fmt: skip
    episodes = PARTS[part].episodes // len(skills)
    for arm, group in arms.items():
        cells = []
        for at in range(1, len(skills) + 1):
            # The last two looks: one is 20 to 48 episodes.
            shares = [row[at] or 0.0 for line in group for row in line["curve"][-2:]]
            cells.append(share(shares, episodes))
        rows.append(
            f"| {arm} | {', '.join(map(reached, group))} "
            f"| {', '.join(reached(line, looks=2) for line in group)} | {' | '.join(cells)} "
            f"| {', '.join(str(line['dropped']) for line in group)} |"
        )
    return "\n".join(rows) + "\n"


def picture(groups: Groups, path: Path) -> None:
    """Success in the worst skill of the original, against frames of training."""
    from matplotlib.figure import Figure

    parts = list(dict.fromkeys(part for part, _ in groups))
    figure = Figure(figsize=(4.0 * len(parts), 4.0), layout="constrained")
    axes = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for axis, part in zip(axes, parts, strict=True):
        for (of, arm), group in groups.items():
            if of != part:
                continue
            longest = max(group, key=lambda line: len(line["curve"]))
            frames = np.array([x for x, _ in least(longest)]) / 1000
            # A training that has ended early stays where it was.
            shares = [[share for _, share in least(line)] for line in group]
            curves = np.array([one + one[-1:] * (len(frames) - len(one)) for one in shares])
            # Dashed: what is refused leaves the run of no curriculum, below it.
            dashes = "--" if arm == "nonsense" else "-"
            (line,) = axis.plot(frames, curves.mean(axis=0), dashes, label=arm)
            axis.fill_between(frames, curves.min(axis=0), curves.max(axis=0), alpha=0.12, lw=0,
                              color=line.get_color())  # fmt: skip
        axis.set_title(TITLES[part].split(":")[0], fontsize=10)
        axis.set_xlabel("thousand frames")
        axis.grid(alpha=0.25)
        axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3,
                    frameon=False)  # fmt: skip
    axes[0].set_ylabel("success in the worst skill")
    axes[0].set_ylim(-0.02, 1.02)
    figure.savefig(path, dpi=110)


def report() -> None:
    groups = read(RESULTS / "curricula.jsonl")
    text = (
        "Written by `python -m benchmarks.curricula report`. Success in the original, in episodes "
        "that nobody trained on, over the last two looks and all seeds, with Wilson's 95 % "
        "interval.\n"
    )
    for part in dict.fromkeys(part for part, _ in groups):
        text += f"\n## {TITLES[part]}\n\n{table(part, groups)}"
    (RESULTS / "curricula.md").write_text(text)
    picture(groups, RESULTS / "curricula.png")
    page = RESULTS.parents[1] / "docs" / "curricula.md"
    tables = text.partition("## ")[2]
    write_between_marks(page, "benchmarks.curricula", f"### {tables}".replace("\n## ", "\n### "))
