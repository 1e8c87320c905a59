"""Arms × tasks × seeds, resumable; results as JSON Lines, then table and pictures.

::

    python -m benchmarks.paper run --arms ppo,llm --tasks SimpleDoorKey --seeds 5
    python -m benchmarks.paper report
    python -m benchmarks.paper smoke          # everything, tiny: a minute

A run that is in the results is never run again; one that was interrupted leaves nothing there.
Reported seeds are 0, 1, ...; everything was tuned on seeds from 100.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.arms import ARMS
from benchmarks.resumable import run_missing
from benchmarks.run import ALL_TASKS, one_run

RESULTS = Path(__file__).parent / "results" / "paper.jsonl"
WORK = Path("runs/paper")
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


def run_all(
    tasks: list[str], arms: list[str], seeds: list[int], jobs: int, path: Path,
    steps: int | None = None,
) -> None:  # fmt: skip
    """Run what is not done yet, ``jobs`` at a time."""
    WORK.mkdir(parents=True, exist_ok=True)
    # Seeds outermost: an interrupted benchmark has whole comparisons with fewer seeds.
    keys = [(task, arm, seed) for seed in seeds for task in tasks for arm in arms]
    run_missing(partial(one_run, steps=steps, folder=str(WORK)), keys, jobs, path)


def names(text: str, known: Iterable[str]) -> list[str]:
    """Names in a list with commas.

    :raises typer.BadParameter: one is unknown
    """
    names = text.replace(",", " ").split()
    if unknown := sorted(set(names) - set(known)):
        raise typer.BadParameter(f"{', '.join(unknown)}; expected some of {', '.join(known)}")
    return names


@app.command()
def run(
    arms: Annotated[str, typer.Option(help="Arms, see benchmarks/arms.py.")] = "ppo,llm,planner",
    tasks: Annotated[str, typer.Option(help="Tasks, see benchmarks/tasks.py.")] = "SimpleDoorKey",
    seeds: Annotated[int, typer.Option(help="Seeds first, first + 1, ...")] = 5,
    first: Annotated[int, typer.Option(help="First seed; tune on 100 and up.")] = 0,
    jobs: Annotated[int, typer.Option(help="Runs side by side.")] = 2,
    results: Annotated[Path, typer.Option(help="JSON Lines.")] = RESULTS,
) -> None:
    """Run what is not in the results yet."""
    numbers = list(range(first, first + seeds))
    run_all(names(tasks, ALL_TASKS), names(arms, ARMS), numbers, jobs, results)


@app.command()
def smoke(out: Annotated[Path, typer.Option(help="Folder.")] = Path("runs/smoke")) -> None:
    """Every kind of arm on two tasks, tiny, and the report of it."""
    from benchmarks.report import write_report

    arms = ["ppo", "hierarchical", "cloning", "planner", "wrong", "hard-0.6"]
    path = out / "paper.jsonl"
    run_all(["SimpleDoorKey", "FrozenLake"], arms[:1] + arms[2:], [0, 1], 2, path, steps=2048)
    run_all(["SimpleDoorKey"], arms[1:2], [0, 1], 2, path, steps=2048)
    write_report(path, out)


@app.command()
def report(
    results: Annotated[Path, typer.Option(help="JSON Lines.")] = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder.")] = RESULTS.parent,
) -> None:
    """Write table and pictures of the results."""
    from benchmarks.report import write_report

    write_report(results, out)


@app.command()
def overview(
    results: Annotated[Path, typer.Option(help="JSON Lines.")] = RESULTS.parent
    / "environments.jsonl",
) -> None:
    """Write one table of many envs, beside the results."""
    from benchmarks.report import overview as write_overview

    write_overview(results, results.with_suffix(".md"))


if __name__ == "__main__":
    app()
