"""``gym-llmteacher train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gym_llmteacher.cli_options import (
    SIMPLE,
    ElicitationOption,
    EnvOption,
    TeacherOption,
    json_of,
    teacher_spec,
)

console = Console()


def train(
    env: EnvOption = SIMPLE,
    teacher: TeacherOption = "embedded",
    steps: Annotated[int, typer.Option(min=1, help="Environment steps per run.")] = 50_000,
    seeds: Annotated[str, typer.Option(help="One run per seed and student, e.g. 0,1,2.")] = "0",
    students: Annotated[
        str, typer.Option(help="Students to train: teacher (TeacherPPO), ppo (plain PPO).")
    ] = "teacher,ppo",
    coef: Annotated[
        str | None,
        typer.Option(
            help="Teaching coefficient λ: a number, or JSON of a schedule such as "
            '\'{"shape": "linear", "start": 3, "steps": 60000}\' (default: 3 → 0.1 '
            "over 40 % of the steps, held to 70 %, then exactly 0)."
        ),
    ] = None,
    ask: Annotated[
        str | None,
        typer.Option(
            help="When the teacher is asked: new_text, at_reset, option_finished, every_n_steps:5, "
            "with_probability:0.2, budget_left:0.2, student_uncertain:0.5, learned:asker.zip; "
            "combined by | and & (default: about every observation)."
        ),
    ] = None,
    curriculum: Annotated[
        str | None,
        typer.Option(
            help="What to train in besides --env: a file of YAML or JSON, or JSON, see "
            "docs/curricula.md. Both students train in it."
        ),
    ] = None,
    subgoals: Annotated[
        str | None,
        typer.Option(
            help="Show all students the teacher's plan, option by option, and pay for what is "
            "done: relative, look or words; or JSON, or a file of YAML or JSON, with any of "
            "encoding, bonus, alpha, dropout, teacher, see docs/subgoals.md."
        ),
    ] = None,
    n_envs: Annotated[int, typer.Option(min=1, help="Environments side by side.")] = 8,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes per evaluation.")] = 200,
    elicitation: ElicitationOption = None,
    max_calls: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Requests to the language model, in all that is ever run with this --out. When "
            "the budget is spent, the teacher abstains on what is new.",
        ),
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Tokens, likewise.")] = None,
    max_usd: Annotated[float | None, typer.Option(min=0, help="US dollars, likewise.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Questions asked at once of a model over the network.")
    ] = 16,
    late_timeout: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds to wait for late answers before each update; answers that miss "
            "the deadline count as abstentions in it.",
        ),
    ] = 60.0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with what was interrupted in --out, with the same options."
        ),
    ] = False,
    checkpoint_every: Annotated[
        int,
        typer.Option(min=1, help="Frames between two checkpoints, which --resume goes on from."),
    ] = 10_000,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Remove an earlier training in --out, but for its answers."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for everything this writes (default: runs/<name of the env>)."),
    ] = None,
) -> None:
    """Train students with and without a teacher, on the same seeds and frames, and compare.

    Prints a table of the teacher alone, the taught student and plain PPO, and saves a learning
    curve, a film of the student, the models and the teacher's answers.
    """  # fmt: skip
    from gym_llmteacher.experiments.compare import compare
    from gym_llmteacher.experiments.config import ComparisonConfig, Running, Teaching
    from gym_llmteacher.experiments.leaving import Told, leave, leaving_at_once
    from gym_llmteacher.experiments.run_folder import default_folder
    from gym_llmteacher.subgoals.written import read_subgoals
    from gym_llmteacher.teachers.make import with_arguments

    spec = with_arguments(teacher_spec(teacher), elicitation=elicitation)
    config = ComparisonConfig(
        env=env,
        teacher=spec,  # type: ignore[arg-type]
        steps=steps,
        seeds=tuple(_numbers(seeds)),
        students=_students(students),
        teaching=Teaching(
            coef=None if coef is None else json_of(coef, "--coef"),
            ask=ask,
            curriculum=_curriculum(curriculum),
            subgoals=None if subgoals is None else read_subgoals(subgoals),
        ),
        n_envs=n_envs,
        eval_episodes=episodes,
        out=str(out or default_folder(env)),
        running=Running(
            budget=_budget(calls=max_calls, tokens=max_tokens, usd=max_usd),
            workers=workers,
            late_timeout=late_timeout,
            checkpoint_every=checkpoint_every,
        ),
    )
    try:
        with leaving_at_once():
            compare(config, console, resume, overwrite)
    except Told as told:
        console.print("Interrupted. The same command with --resume goes on.", highlight=False)
        leave(told.number)


def _budget(**limits: float | None) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _curriculum(typed: str | None) -> dict[str, Any] | None:
    from gym_llmteacher.curriculum.written import read_curriculum

    if typed is None:
        return None
    if typed.lstrip().startswith("{"):
        return dict(json_of(typed, "--curriculum"))
    return read_curriculum(typed)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise typer.BadParameter(
            f"--seeds is {text!r}, expected whole numbers such as 0,1,2."
        ) from None


def _students(text: str) -> tuple[Any, ...]:
    from gym_llmteacher.experiments.config import STUDENTS

    students = tuple(text.replace(",", " ").split())
    unknown = sorted(set(students) - set(STUDENTS))
    if unknown or not students:
        raise typer.BadParameter(f"--students is {text!r}, expected some of {', '.join(STUDENTS)}.")
    return students
