"""The command line: ``gym-llmteacher train | check | practise | evaluate | ask | ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from gym_llmteacher import (
    cli_answers,
    cli_check,
    cli_habitat,
    cli_practise,
    cli_reflect,
    cli_train,
    cli_watch,
)
from gym_llmteacher.cli_options import (
    SIMPLE,
    ElicitationOption,
    EnvOption,
    TeacherOption,
    teacher_spec,
)
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
app.command()(cli_train.train)
app.command()(cli_check.check)
app.command()(cli_practise.practise)
app.command()(cli_reflect.reflect)
app.command()(cli_watch.watch)
app.command()(cli_habitat.habitat_check)
console = Console()


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"gym-llmteacher {version('gym-llmteacher')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print it, and leave."),
    ] = False,
) -> None:
    """See `app`."""


@app.command()
def setup() -> None:
    """Install the embedded language model, which needs no key and, from then on, no network."""
    from gym_llmteacher.llm.setup import install

    path = install(console.print)
    console.print(f"The embedded model is there: {path}", soft_wrap=True, highlight=False)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training.")],
    episodes: Annotated[
        int, typer.Option(min=1, help="Episodes that the teacher plays, from what it has said.")
    ] = 20,
) -> None:
    """Write a page about a training: curves, an episode to step through, what the teacher said.

    The page is one file and needs no network. No model is asked.
    """
    from gym_llmteacher.report.report import write_report

    console.print(f"Page: {write_report(run, episodes)}", highlight=False, soft_wrap=True)


@app.command()
def evaluate(
    student: Annotated[
        Path | None, typer.Argument(help="A zip saved by TeacherPPO or PPO; left out: the teacher "
                                    "acts alone.")
    ] = None,
    env: Annotated[
        str | None,
        typer.Option(help="Gymnasium env id (default: the one that the student was trained in)."),
    ] = None,
    teacher: TeacherOption = "embedded",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes per row.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the first episode.")] = 10_000,
    elicitation: ElicitationOption = None,
) -> None:  # fmt: skip
    """Play whole episodes with a student, or with a teacher alone: sampled and greedy.

    A student needs no teacher and no language model here. One that was trained with subgoals gets
    them from what its teacher has said in its training, and plays without any as well.
    """
    from gym_llmteacher.experiments.report import evaluation_table
    from gym_llmteacher.experiments.run_folder import env_of

    env_id = env or (student and env_of(student.parent)) or SIMPLE
    console.print(
        evaluation_table(env_id, student, teacher_spec(teacher), elicitation, episodes, seed)
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


def main() -> None:
    """Run the command line; errors made for people are shown without a traceback."""
    from gymnasium.error import Error as GymnasiumError

    try:
        app()
    except (TeacherError, GymnasiumError) as error:
        _complain(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _complain(f"{error.filename}: {error.strerror}. Cure: name another path.")


def _complain(what: str) -> NoReturn:
    stderr = Console(stderr=True)
    stderr.print("Error:", style="bold red", end=" ")
    stderr.print(shown(what, lines=True), markup=False, highlight=False)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
