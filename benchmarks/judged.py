"""Students whose teacher is held to account by default: a table, from results that exist.

The runs (all frames that the teacher played are counted), and the table in docs/practice.md::

    python -m benchmarks.paper run --results benchmarks/results/judged.jsonl --tasks LavaDoorKey \\
        --arms simulated-0.7,simulated-0.5,simulated-0.3,random,wrong
    python -m benchmarks.paper run --results benchmarks/results/judged.jsonl \\
        --tasks FrozenLake,Empty-8x8 --arms random,wrong
    python -m benchmarks.paper run --results benchmarks/results/judged.jsonl \\
        --tasks ColoredDoorKey --arms llm-letters
    python -m benchmarks.paper run --results benchmarks/results/judged.jsonl \\
        --tasks SimpleDoorKey,LavaDoorKey,ColoredDoorKey --arms planner,llm
    python -m benchmarks.paper run --results benchmarks/results/judged.jsonl \\
        --tasks CartPole --arms ppo,wrong,random,planner
    python -m benchmarks.judged
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.aggregate import Runs, frames_to, iqm, read, thousands
from benchmarks.marks import write_between_marks

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "practice.md"
WORDS = {
    "simulated-0.7": "right at 70 % of the texts", "simulated-0.5": "right at 50 %",
    "simulated-0.3": "right at 30 %", "random": "nonsense", "wrong": "always wrong",
    "llm-letters": "embedded model, by letters of options", "planner": "planner",
    "llm": "embedded model", "faulty": "only brings closer",
}  # fmt: skip


def table() -> str:
    """One row for each task and teacher: the last evaluation of every seed."""
    judged, before = read(RESULTS / "judged.jsonl"), read(RESULTS / "paper.jsonl")
    lines = ["| task, teacher | final success by seed, % | IQM (95 %) | frames to 90 %, median |",
             "|---|---|---|---|"]  # fmt: skip
    for task in dict.fromkeys(task for task, _ in judged):
        taught = [arm for t, arm in judged if t == task and arm != "ppo"]
        lines += [row(judged, task, arm, WORDS[arm]) for arm in taught]
        untaught = judged if (task, "ppo") in judged else before
        lines.append(row(untaught, task, "ppo", "none: plain PPO"))
    return "\n".join(lines) + "\n"


def row(runs: Runs, task: str, arm: str, words: str) -> str:
    """What students of one teacher came to."""
    seeds = runs[task, arm]
    final = np.array([rows[-1]["success"] for _, rows in sorted(seeds.items())])
    reached = float(np.median([frames_to(rows) for rows in seeds.values()]))
    point, low, high = (100 * value for value in iqm(final))
    shares = ", ".join(f"{100 * share:.0f}" for share in final)
    frames = "never" if reached == float("inf") else thousands(reached)
    return f"| {task}, {words} | {shares} | {point:.0f} ({low:.0f} to {high:.0f}) | {frames} |"


def main() -> None:
    """Put the table between its marks in the documentation."""
    write_between_marks(PAGE, "benchmarks/judged.py", table())


if __name__ == "__main__":
    main()
