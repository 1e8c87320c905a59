"""Let a teacher practise, and show what came of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import Evaluation, percent
from gym_llmteacher.playing.play import play
from gym_llmteacher.practice.practise import practise
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher

EVALUATED_FROM = 10_000
"""First seed of the episodes that compare; those of practice begin elsewhere."""
_WHY = {
    "enough": "it is good enough",
    "no better": "it no longer gets better",
    "steps": "the steps are spent",
    "episodes": "the episodes are played",
}


def practise_and_show(
    console: Console,
    env_id: str,
    teacher: TeacherSpec,
    *,
    steps: int,
    seed: int = 0,
    episodes: int = 100,
    elicitation: str | None = None,
    answers: str | None = None,
    out: Path,
) -> None:
    """Print what the teacher does alone before and after, the frames, and its worst situations.

    :param episodes: played before and after; 0: none
    :param out: JSON of the experience; gone on from if it is there
    """
    inner = make_teacher(teacher, answers=answers, elicitation=elicitation)
    make = partial(make_env, env_id)

    def alone(who: Teacher) -> str:
        record = play(make, who, episodes, seed=EVALUATED_FROM)
        return percent(Evaluation.of(record).success, 0)

    before = alone(inner) if episodes else ""
    columns = (TextColumn("practice"), BarColumn(bar_width=24), TextColumn("{task.fields[status]}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=steps, status="")

        def watch(played: int, known: Experience) -> None:
            status = f"{played:,} frames · {known.wins} of {known.episodes} episodes won"
            progress.update(task, completed=played, status=status)

        taught = practise(inner, make, steps, seed=seed, experience=out, watch=watch)
    report = taught.report
    console.print(
        f"{taught.steps:,} frames, {report['episodes']} episodes; it ended because "
        f"{_WHY[report['stopped']]}.", highlight=False,
    )  # fmt: skip
    if episodes:
        after = alone(taught)
        console.print(f"Alone: {before} before, [bold]{after}[/] after.", highlight=False)
    console.print(worst_table(taught.experience))
    console.print(f"Saved: {out}", highlight=False, soft_wrap=True)
    taught.close()


def worst_table(experience: Experience, n: int = 8) -> Table:
    """The situations in which most lost episodes ended."""
    table = Table("lost here", "episodes", "situation", "option: won of tried")
    for place in experience.worst(n):
        tried = ", ".join(
            f"{option}: {tally.wins}/{tally.tries}" for option, tally in place.options.items()
        )
        table.add_row(str(place.last), str(place.episodes), Text(place.text), Text(tried))
    return table
