"""Runs side by side, results as JSON Lines; what is in the results is never run again."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

RunKey = tuple[str, str, int]
"""Task, arm and seed."""


def done(path: Path) -> set[RunKey]:
    """Runs that are in the results."""
    if not path.exists():
        return set()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {(r["task"], r["arm"], r["seed"]) for r in lines if r["last"]}


def run_missing(
    one_run: Callable[[str, str, int], list[dict[str, Any]]],
    keys: Iterable[RunKey],
    jobs: int,
    path: Path,
) -> None:
    """Run what is not done yet, ``jobs`` at a time, each in a process of its own.

    A run's lines are written together at its end: one that was interrupted leaves nothing.

    :param one_run: can be pickled; returns one dict per evaluation
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    finished = done(path)
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, maxtasksperchild=1) as pool:
        pending = {key: pool.apply_async(one_run, key) for key in keys if key not in finished}
        while pending:
            for key in [k for k, result in pending.items() if result.ready()]:
                lines = pending.pop(key).get()
                with path.open("a") as file:
                    file.writelines(json.dumps(line) + "\n" for line in lines)
                last = lines[-1]
                print(*key, f"{last['success']:.2f} / {last['success_greedy']:.2f} greedy, "
                      f"{last['cpu_s']:.0f} s, {len(pending)} to go", flush=True)  # fmt: skip
            time.sleep(0.2)
