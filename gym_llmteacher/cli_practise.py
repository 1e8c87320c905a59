"""``gym-llmteacher practise``: a teacher plays by itself and learns which of its options pay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console()


def practise(
    env: Annotated[str, typer.Option("--env", help="Gymnasium env id.")] = (
        "LLMTeacher/LavaDoorKey-v0"
    ),
    teacher: Annotated[str, typer.Option(help="As for train.")] = "embedded",
    steps: Annotated[int, typer.Option(min=1, help="Env steps at most.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the first episode.")] = 0,
    episodes: Annotated[
        int, typer.Option(min=0, help="Episodes played before and after to compare; 0: none.")
    ] = 100,
    elicitation: Annotated[str | None, typer.Option(help="As for train.")] = None,
    answers: Annotated[
        str | None, typer.Option(help="Answers file or redis://... (default: in the cache folder).")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="JSON of the experience; what is there already is gone on from.")
    ] = Path("runs/practice/experience.json"),
) -> None:
    """Let a teacher practise before it teaches, and show where its episodes were lost.

    It tries the options of each situation, its own advice first, and learns from how episodes end.
    No question more is asked. The experience is saved, and a teacher advises by it.
    """
    from gym_llmteacher.cli_options import teacher_spec
    from gym_llmteacher.experiments.practise import practise_and_show

    practise_and_show(
        console, env, teacher_spec(teacher), steps=steps, seed=seed, episodes=episodes,
        elicitation=elicitation, answers=answers, out=out,
    )  # fmt: skip
