"""DivergedDoorKey in 150,000 frames, and in 500,000: a table in docs/results.md, from results.

The runs (frames that the teacher plays are counted)::

    python -m benchmarks.paper run --results benchmarks/results/diverged.jsonl \\
        --tasks DivergedDoorKey-150k,DivergedDoorKey-500k --arms planner-replay,llm-replay
    python -m benchmarks.diverged
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.aggregate import frames_to, iqm, read, thousands
from benchmarks.marks import write_between_marks

RESULTS = Path(__file__).parent / "results" / "diverged.jsonl"
PAGE = Path(__file__).parent.parent / "docs" / "results.md"
WORDS = {"planner-replay": "planner", "llm-replay": "embedded model"}
LOOKS = (25_000, 42_000, 67_000)


def table() -> str:
    """One row for each teacher: what every seed came to."""
    found = read(RESULTS)
    looks = " | ".join(f"at {thousands(frames)}" for frames in LOOKS)
    lines = [f"| frames | teacher | {looks} | first at 90 %, frames | at the end | IQM (95 %) "
             "| greedy |", "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for task, arm in sorted(found, key=lambda key: (key[0], list(WORDS).index(key[1]))):
        seeds = found[task, arm]
        curves = [rows for _, rows in sorted(seeds.items())]
        at = [", ".join(percent(_at(rows, frames)) for rows in curves) for frames in LOOKS]
        first = ", ".join(_frames(frames_to(rows)) for rows in curves)
        final = np.array([rows[-1]["success"] for rows in curves])
        point, low, high = (100 * value for value in iqm(final))
        end = ", ".join(map(percent, final))
        greedy = ", ".join(percent(rows[-1]["success_greedy"]) for rows in curves)
        level = f"{point:.0f} ({low:.0f} to {high:.0f})"
        cells = [task.rpartition("-")[2], WORDS[arm], *at, first, end, level, greedy]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _at(rows: list[dict], frames: int) -> float:
    """Success at the last evaluation before so many frames."""
    return max((row for row in rows if row["frames"] <= frames), key=lambda r: r["frames"])[
        "success"
    ]


def _frames(frames: float) -> str:
    return "never" if frames == float("inf") else thousands(frames)


def percent(share: float) -> str:
    """``0.905`` as ``90``."""
    return f"{100 * share:.0f}"


def main() -> None:
    """Put the table between its marks in the documentation."""
    write_between_marks(PAGE, "benchmarks/diverged.py", table())


if __name__ == "__main__":
    main()
