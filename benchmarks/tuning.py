"""Settings that were tried before the reported runs, on seeds that are not reported.

::

    python -m benchmarks.tuning run --searches options,lava
    python -m benchmarks.tuning report

A search is one arm on one task under several settings, everything else alike; what was chosen
stands in `benchmarks.tasks` and `benchmarks.arms`. Runs are resumable, like the comparison's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from stable_baselines3.common.utils import LinearSchedule

from benchmarks.aggregate import best_and_last_quarter, frames_to, read, thousands
from benchmarks.arms import ARMS
from benchmarks.paper import WORK, names
from benchmarks.resumable import run_missing
from benchmarks.run import ALL_TASKS, Row, evaluations
from gym_llmteacher import mirror_map

RESULTS = Path(__file__).parent / "results" / "tuning.jsonl"
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@dataclass(frozen=True)
class Search:
    """One arm on one task, under several settings.

    :param settings: by name, arguments of PPO that differ from the task's
    :param changes: fields of the task that differ, in all settings
    :param until_solved: stop there; schedules are those of the whole run
    :param seeds: from 100
    """

    task: str
    arm: str
    settings: dict[str, dict[str, Any]]
    changes: dict[str, Any] = field(default_factory=dict)
    until_solved: bool = False
    seeds: tuple[int, ...] = (100, 101)


AS_IT_IS: dict[str, dict[str, Any]] = {"as it is": {}}

SOONER: dict[str, dict[str, Any]] = {
    **AS_IT_IS,
    "rollouts half as long": {"n_steps": 64},
    "minibatches half as large": {"batch_size": 64},
    "12 epochs": {"n_epochs": 12},
    "twice the learning rate": {"learning_rate": LinearSchedule(2e-3, 1e-4, 1.0)},
    "shorter rollouts, 12 epochs": {"n_steps": 64, "n_epochs": 12},
    "shorter rollouts, smaller minibatches": {"n_steps": 64, "batch_size": 64},
}

AGAIN: dict[str, Any] = {"teacher_replay_steps": 100}
MIRRORED: dict[str, Any] = {**AGAIN, "teacher_augment": mirror_map, "n_steps": 64}

SEARCHES = {
    # Plain PPO alone: it was not to lose for want of settings of its own.
    "ppo": Search(
        "SimpleDoorKey",
        "ppo",
        {
            **AS_IT_IS,
            "entropy bonus 0.01": {"ent_coef": 0.01},
            "learning rate 3e-4": {"learning_rate": 3e-4},
            "learning rate 3e-4, entropy bonus 0.01": {"learning_rate": 3e-4, "ent_coef": 0.01},
            "rollouts of 512, minibatches of 256": {"n_steps": 512, "batch_size": 256},
            "rollouts of 512, minibatches of 256, entropy bonus 0.01": {
                "n_steps": 512,
                "batch_size": 256,
                "ent_coef": 0.01,
            },
        },
        changes={"steps": 150_000, "eval_every": 10_240},
        seeds=(100,),
    ),
    "lava": Search(
        "LavaDoorKey", "planner", SOONER, changes={"eval_every": 1024}, until_solved=True
    ),
    "replay": Search(
        "LavaDoorKey",
        "planner",
        {
            **AS_IT_IS,
            "taught again": AGAIN,
            "taught again, mirrored": {**AGAIN, "teacher_augment": mirror_map},
            "shorter rollouts, taught again": {**AGAIN, "n_steps": 64},
            "shorter rollouts, taught again, mirrored": MIRRORED,
            "shorter rollouts, taught again half as often, mirrored": {
                **MIRRORED,
                "teacher_replay_steps": 50,
            },
        },
        changes={"eval_every": 1024},
        until_solved=True,
        seeds=(100, 101, 102, 103),
    ),
    "lava-hierarchical": Search(
        "LavaDoorKey",
        "hierarchical",
        {
            **AS_IT_IS,
            "shorter rollouts, smaller minibatches": {"n_steps": 64, "batch_size": 64},
        },
        changes={"eval_every": 1024},
        until_solved=True,
    ),
    "options": Search(
        "ColoredDoorKey",
        "planner-options",
        {
            **AS_IT_IS,
            "target_kl 0.02": {"target_kl": 0.02},
            "learning rate to 0": {"learning_rate": LinearSchedule(1e-3, 0.0, 1.0)},
            "rollouts twice as long": {"n_steps": 256},
        },
        seeds=(100,),
    ),
    # What keeps students from losing, without a teacher, a little of what they had learned?
    "colored": Search(
        "ColoredDoorKey",
        "llm",
        {
            **AS_IT_IS,
            "clip_range 0.1": {"clip_range": 0.1},
            "learning rate to 0": {"learning_rate": LinearSchedule(1e-3, 0.0, 1.0)},
        },
    ),
    "diverged": Search(
        "DivergedDoorKey",
        "planner",
        {**AS_IT_IS, "clip_range 0.1": {"clip_range": 0.1}},
        seeds=(100,),
    ),
    "colored-hierarchical": Search(
        "ColoredDoorKey",
        "hierarchical",
        {
            "learning rate falls to 1e-4": {"learning_rate": LinearSchedule(1e-3, 1e-4, 1.0)},
            "as it is: learning rate 1e-3": {},
            "as it is, entropy bonus 0.01": {"ent_coef": 0.01},
        },
    ),
    "diverged-hierarchical": Search(
        "DivergedDoorKey",
        "hierarchical",
        {
            "rollouts of 128, minibatches of 512": {"n_steps": 128, "batch_size": 512},
            "rollouts of 64, minibatches of 256": {"n_steps": 64, "batch_size": 256},
            "as it is: rollouts of 32, minibatches of 128": {},
            "as it is, entropy bonus 0.01": {"ent_coef": 0.01},
            "as it is, learning rate 1e-3": {"learning_rate": 1e-3},
        },
        seeds=(100,),
    ),
}


def tried(name: str, setting: str, seed: int) -> list[Row]:
    """One run; the search is its task, the setting its arm."""
    search = SEARCHES[name]
    arm = ARMS[search.arm]
    task = replace(ALL_TASKS[search.task], **search.changes)
    arm = replace(arm, ppo=arm.ppo | search.settings[setting], long=search.until_solved)
    WORK.mkdir(parents=True, exist_ok=True)
    return [
        {"task": name, "arm": setting, **row} for row in evaluations(task, arm, seed, str(WORK))
    ]


def table(path: Path) -> str:
    """All searches as Markdown tables, a seed after the other."""
    runs = read(path)
    lines = [
        "Written by `python -m benchmarks.tuning report`. Seeds from 100, none of them reported.\n"
    ]
    for name, search in SEARCHES.items():
        lines += [f"## {name}: {search.arm} on {search.task}\n"]
        lines += ["| setting | success at the end, % | last quarter, % | frames to 90 % | cpu-s |"]
        lines += ["|---|---|---|---|---|"]
        for setting in search.settings:
            seeds = [rows for _, rows in sorted(runs.get((name, setting), {}).items())]
            cells = [
                ", ".join(f"{100 * rows[-1]['success']:.0f}" for rows in seeds),
                ", ".join(f"{100 * best_and_last_quarter(rows)[1]:.0f}" for rows in seeds),
                ", ".join(thousands(frames_to(rows)) for rows in seeds),
                f"{np.mean([rows[-1]['cpu_s'] for rows in seeds]):.0f}" if seeds else "",
            ]
            lines.append(f"| {setting} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


@app.command()
def run(
    searches: Annotated[str, typer.Option(help="Which.")] = ",".join(SEARCHES),
    jobs: Annotated[int, typer.Option(help="Runs side by side.")] = 2,
    results: Annotated[Path, typer.Option(help="JSON Lines.")] = RESULTS,
) -> None:
    """Run what is not in the results yet."""
    keys = [
        (name, setting, seed)
        for name in names(searches, SEARCHES)
        for seed in SEARCHES[name].seeds
        for setting in SEARCHES[name].settings
    ]
    run_missing(tried, keys, jobs, results)


@app.command()
def report(results: Annotated[Path, typer.Option(help="JSON Lines.")] = RESULTS) -> None:
    """Write the table beside the results."""
    results.with_suffix(".md").write_text(table(results))


if __name__ == "__main__":
    app()
