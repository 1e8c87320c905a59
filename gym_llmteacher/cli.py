"""The command line: ``gym-llmteacher train | check | practise | evaluate | ask | ...``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gym_llmteacher import cli_answers, cli_check, cli_practise
from gym_llmteacher.errors import TeacherError, TeacherSpecError
from gym_llmteacher.shown import shown

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Teach small reinforcement-learning agents with large language models.\n\n"
    "Start with [bold]gym-llmteacher train[/]: it needs no key and no network, takes a few "
    "minutes, and shows a small agent learning from a language model on this machine, in ten "
    "thousand steps, what takes plain PPO thirty times as many.",
)
app.add_typer(cli_answers.app, name="answers")
app.command()(cli_check.check)
app.command()(cli_practise.practise)
console = Console()

SIMPLE = "LLMTeacher/SimpleDoorKey-v0"
EnvOption = Annotated[
    str, typer.Option("--env", help="Gymnasium env id; LLMTeacher/{Simple,Lava,Colored,Diverged}"
                      "DoorKey-v0 come with this package.")
]  # fmt: skip
TeacherOption = Annotated[
    str,
    typer.Option(
        help="Who teaches: 'embedded' (a small language model on this machine), a litellm model "
        "name such as ollama_chat/qwen3 or openai/gpt-4o-mini, JSON with litellm's own arguments "
        'such as \'{"model": "openai/x", "api_base": "http://..."}\', or script:NAME such as '
        "script:door_key_planner."
    ),
]
ElicitationOption = Annotated[
    str | None,
    typer.Option(help="How a language model is asked: subgoal, samples or logprobs (default: "
                 "subgoal for the embedded model, samples for all others)."),
]  # fmt: skip


@app.command()
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
            help="Seconds to wait for late answers before each update; what is later is "
            "not taught now, and known next time.",
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
    out: Annotated[Path, typer.Option(help="Folder for everything this writes.")] = Path(
        "runs/demo"
    ),
) -> None:
    """Train students with and without a teacher, on the same seeds and frames, and compare.

    Prints a table of the teacher alone, the taught student and plain PPO, and saves a learning
    curve, a film of the student, the models and the teacher's answers.
    """  # fmt: skip
    from gym_llmteacher.experiments.compare import compare
    from gym_llmteacher.experiments.config import ComparisonConfig, Running
    from gym_llmteacher.experiments.leaving import Told, leave, leaving_at_once
    from gym_llmteacher.teachers.make import with_arguments

    spec = with_arguments(teacher_spec(teacher), elicitation=elicitation)
    config = ComparisonConfig(
        env=env,
        teacher=spec,  # type: ignore[arg-type]
        steps=steps,
        seeds=tuple(_numbers(seeds)),
        students=_students(students),
        coef=None if coef is None else _json(coef, "--coef"),
        n_envs=n_envs,
        eval_episodes=episodes,
        out=str(out),
        running=Running(
            budget=_budget(calls=max_calls, tokens=max_tokens, usd=max_usd),
            workers=workers,
            late_timeout=late_timeout,
            checkpoint_every=checkpoint_every,
        ),
    )
    try:
        with leaving_at_once():
            compare(config, console, resume)
    except Told as told:
        console.print("Interrupted. The same command with --resume goes on.", highlight=False)
        leave(told.number)


@app.command()
def evaluate(
    student: Annotated[
        Path | None, typer.Argument(help="A zip saved by TeacherPPO or PPO; left out: the teacher "
                                    "acts alone.")
    ] = None,
    env: EnvOption = SIMPLE,
    teacher: TeacherOption = "embedded",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes per row.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the first episode.")] = 10_000,
    elicitation: ElicitationOption = None,
) -> None:  # fmt: skip
    """Play whole episodes with a student, or with a teacher alone: sampled and greedy.

    A student needs no teacher and no language model here.
    """
    from gym_llmteacher.experiments.report import evaluation_table

    console.print(
        evaluation_table(env, student, teacher_spec(teacher), elicitation, episodes, seed)
    )


@app.command()
def ask(
    env: EnvOption = SIMPLE,
    teacher: TeacherOption = "embedded",
    seed: Annotated[int, typer.Option(help="Seed of the episode.")] = 0,
    after: Annotated[int, typer.Option(min=0, help="Random steps to take before asking.")] = 0,
    elicitation: ElicitationOption = None,
    answers: Annotated[
        str | None,
        typer.Option(help="Answers file or redis://... (default: in the cache folder)."),
    ] = None,
) -> None:
    """Ask the teacher about one state and show everything: text, prompt, reply, prior, price."""
    from gym_llmteacher.experiments.ask import ask_once

    ask_once(console, env, teacher_spec(teacher), seed, after, elicitation, answers)


@app.command()
def estimate(
    env: EnvOption = SIMPLE,
    teacher: TeacherOption = "embedded",
    steps: Annotated[int, typer.Option(min=1, help="Env steps of the planned training.")] = 50_000,
    frames: Annotated[int, typer.Option(min=1, help="Random steps to look at.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the random rollout.")] = 0,
    elicitation: ElicitationOption = None,
    answers: Annotated[
        str | None,
        typer.Option(help="Answers file or redis://... (default: in the cache folder)."),
    ] = None,
) -> None:
    """Predict what a training will ask and cost, from a random rollout; nothing is asked."""
    import gymnasium as gym

    from gym_llmteacher.experiments.estimate import estimate_table, estimates
    from gym_llmteacher.teachers.make import make_teacher
    from gym_llmteacher.wrappers.grounding import GroundingWrapper

    found = make_teacher(teacher_spec(teacher), answers, elicitation)
    try:
        results = estimates(GroundingWrapper(gym.make(env)), found, steps, frames, seed)
    except TeacherSpecError as error:
        raise typer.BadParameter(f"--teacher {teacher}: {error}") from None
    for result in results:
        console.print(estimate_table(env, result))


def teacher_spec(value: str) -> str | dict[str, Any]:
    """Read what was typed for ``--teacher``: JSON, or a name.

    >>> teacher_spec("embedded"), teacher_spec('{"script": "door_key_planner"}')
    ('embedded', {'script': 'door_key_planner'})
    """
    if not value.lstrip().startswith("{"):
        return value
    spec = _json(value, "--teacher")
    assert isinstance(spec, dict)
    return spec


def _budget(**limits: float | None) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _json(text: str, option: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(
            f"{option} is {text!r}, which is neither a number nor JSON ({error})."
        ) from None


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


def main() -> None:
    """Run the command line; errors made for people are shown without a traceback."""
    from gymnasium.error import Error as GymnasiumError

    try:
        app()
    except (TeacherError, GymnasiumError) as error:
        stderr = Console(stderr=True)
        stderr.print("Error:", style="bold red", end=" ")
        stderr.print(shown(str(error), lines=True), markup=False, highlight=False)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
