"""The table and the picture of `benchmarks.asking`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.groups import Groups, read_groups
from benchmarks.marks import write_between_marks
from gym_llmteacher.intervals import wilson

RESULTS = Path(__file__).parent / "results"
NAMES = {
    "always": "at every step",
    "option ends": "when the option ends",
    "every 5": "every 5 steps",
    "random 0.2": "at random, 20 %",
    "once, at reset": "once, at reset",
    "never": "never",
    "learned": "**learned**",
}


def bootstrap(values: list[float]) -> tuple[float, float, float]:
    """Mean over seeds, and its 95 % bootstrap interval, the same every time."""
    drawn = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    return float(np.mean(values)), *np.quantile(drawn, [0.025, 0.975]).tolist()


def shown(values: list[float], digits: int = 1) -> str:
    mean, low, high = bootstrap(values)
    if high - low < 10**-digits / 2:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def table(groups: Groups) -> str:
    rows = ["| task | asks | success, % | return | steps | questions | redundant |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    for (task, rule), group in groups.items():
        episodes = sum(line["episodes"] for line in group)
        won = round(sum(line["success"] * line["episodes"] for line in group))
        low, high = wilson(won, episodes)
        cells = [
            shown([line[key] for line in group], 2 if key == "return" else 1)
            for key in ("return", "steps", "asks", "redundant")
        ]
        rows.append(
            f"| {task} | {NAMES[rule]} | {100 * won / episodes:.1f} "
            f"({100 * low:.0f} to {100 * high:.0f}) | {' | '.join(cells)} |"
        )
    return "\n".join(rows) + "\n"


def picture(groups: Groups, path: Path) -> None:
    """Asks per episode over the training of the asker; the band goes from seed to seed."""
    from matplotlib.figure import Figure

    learned = {task: group for (task, rule), group in groups.items() if rule == "learned"}
    figure = Figure(figsize=(2.6 * len(learned), 3.0), layout="constrained")
    axes = figure.subplots(1, len(learned), sharey=True, squeeze=False)[0]
    for axis, (task, group) in zip(axes, learned.items(), strict=True):
        curves = np.array([line["curve"] for line in group])
        frames, asks = curves[0, :, 0] / 1000, curves[:, :, 3]
        redundant = curves[:, :, 4].mean(axis=0)
        axis.fill_between(frames, asks.min(axis=0), asks.max(axis=0), alpha=0.25, lw=0)
        axis.plot(frames, asks.mean(axis=0), label="learned")
        axis.plot(frames, redundant, ls=":", color="C3", label="of these, redundant")
        for rule, style in (("always", "--"), ("option ends", "-.")):
            mean = np.mean([line["asks"] for line in groups[task, rule]])
            axis.axhline(mean, ls=style, lw=1, color="0.4", label=NAMES[rule])
        axis.set_title(task, fontsize=10)
        axis.set_xlabel("thousand frames")
        axis.set_ylim(0, 23)
    axes[0].set_ylabel("questions per episode")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4,
                  fontsize=9, frameon=False)  # fmt: skip
    figure.savefig(path, dpi=110)


def training_table(path: Path) -> str:
    """What a learned condition saves inside a training."""
    groups = read_groups(path, "task", "ask")
    rows = ["| task | asks | frames to 90 %, by seed | questions until then and one look more |",
            "|---|---|---|---|"]  # fmt: skip
    for (task, rule), group in groups.items():
        reached = ", ".join(
            f"{line['to_90'] / 1000:.0f}k" if line["to_90"] else f"not in {line['frames']:,}"
            for line in group
        )
        asked = ", ".join(f"{line['questions']:,}" for line in group)
        rows.append(f"| {task} | {NAMES[rule]} | {reached} | {asked} |")
    return "\n".join(rows) + "\n"


def report() -> None:
    groups = read_groups(RESULTS / "asking.jsonl", "task", "rule")
    counts = sorted({len(group) for group in groups.values()})
    frames = next(iter(groups.values()))[0]["frames"]
    seeds = " or ".join(map(str, counts))
    (RESULTS / "asking.md").write_text(
        f"Written by `python -m benchmarks.asking report`. {seeds} seeds per task, askers of "
        f"{frames:,} frames; each seed is played for 100 episodes that nobody trained on. Success "
        "with Wilson's 95 % interval, the rest means over seeds with bootstrap intervals where "
        f"seeds differ.\n\n{table(groups)}"
    )
    picture(groups, RESULTS / "asking.png")
    page = RESULTS.parents[1] / "docs" / "asking.md"
    write_between_marks(page, "benchmarks.asking", table(groups))
    if (RESULTS / "asking_training.jsonl").exists():
        trained = training_table(RESULTS / "asking_training.jsonl")
        write_between_marks(page, "benchmarks.asking_training", trained)
