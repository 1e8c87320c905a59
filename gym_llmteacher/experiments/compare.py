"""The whole comparison: train, evaluate, draw, and say where everything is."""

from __future__ import annotations

import math

from rich.console import Console
from rich.markup import escape
from stable_baselines3 import PPO

from gym_llmteacher.experiments.checkpoint import Checkpoint, read_checkpoint, sums_since
from gym_llmteacher.experiments.config import ComparisonConfig
from gym_llmteacher.experiments.folder_lock import locked
from gym_llmteacher.experiments.leaving import settled
from gym_llmteacher.experiments.plots import film, plot_curves
from gym_llmteacher.experiments.report import (
    rich_table,
    save_results,
    table_rows,
    teacher_alone,
)
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.experiments.run_folder import check_free, clear, made
from gym_llmteacher.experiments.student import check_env
from gym_llmteacher.experiments.teaching import teacher_of
from gym_llmteacher.experiments.train import train_all
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.shown import shown
from gym_llmteacher.teachers.llm import LLMTeacher


def compare(
    config: ComparisonConfig, console: Console, resume: bool = False, overwrite: bool = False
) -> list[RunResult]:
    """Run a comparison and write everything into its folder.

    :param resume: go on with what was interrupted; begin where there is nothing to go on with
    :param overwrite: remove what an earlier training wrote there; its answers stay
    :return: one result per student and seed
    :raises TeacherError: before anything is trained, where env or teacher cannot be used
    :raises CheckpointError: what was interrupted had other settings, another training has written
        or is writing to the folder, or it cannot be written
    :raises KeyboardInterrupt: as it came, once a checkpoint is written
    """
    check_env(config)
    with locked(made(config.folder)):
        if not (resume or overwrite):
            check_free(config.folder)
        return _compare(config, console, resume, overwrite)


def _compare(
    config: ComparisonConfig, console: Console, resume: bool, overwrite: bool
) -> list[RunResult]:
    done = read_checkpoint(config.folder, config.identity()) if resume else None
    teacher = teacher_of(config)
    if overwrite and done is None:
        clear(config.folder)
    (config.folder / "config.json").write_text(config.to_json())
    answers = config.folder / "answers.sqlite"
    earlier: dict[str, float] = {}
    if done is None:
        done = Checkpoint(config.identity())
        done.write(config.folder)
    else:
        earlier = sums_since(done, Answers(answers)) if answers.exists() else done.sums
    subgoals = config.teaching.subgoals
    shows = "" if subgoals is None else f", subgoals {subgoals.get('encoding', 'relative')}"
    name = teacher.model if isinstance(teacher, LLMTeacher) else type(teacher).__name__
    console.print(
        f"[bold]{escape(shown(config.env))}[/]: {config.steps:,} frames, "
        f"seeds {list(config.seeds)}, "
        f"teacher [bold]{escape(shown(name))}[/]{shows}"
    )
    try:
        if "teacher" in config.students and done.alone is None:
            with console.status("letting the teacher act alone ..."):
                done.alone = teacher_alone(config), teacher_alone(config, deterministic=True)
            done.note(teacher.metrics(), earlier)
            done.write(config.folder)
        runs, alone = train_all(config, console, done, earlier), done.alone
    except KeyboardInterrupt:
        settled()
        done.write(config.folder)  # as of the last rollout's beginning
        raise
    save_results(config, runs, alone, config.folder)
    console.print(rich_table(config, table_rows(runs, alone)))
    written = {"table": "results.md, results.json"}
    if len(runs[0].curve) > 1 and not math.isnan(runs[0].sampled.success):
        plot_curves(config, runs, alone and alone[0], config.folder / "curve.png")
        written["learning curve"] = "curve.png"
    taught = next((run for run in runs if run.kind == "teacher"), None)
    if taught is not None:
        model = f"teacher-{taught.seed}.zip"
        film(config, PPO.load(config.folder / model, device="cpu"), config.folder / "student.gif")
        written["film of the student"] = "student.gif"
        written["student, loads in plain PPO"] = model
    if answers.exists():
        written["what the teacher said"] = "answers.sqlite"
    console.print("\nSaved:")
    for what, file in written.items():
        console.print(f"  {what:<28} {config.folder / file}", highlight=False, soft_wrap=True)
    teacher.close()
    return runs
