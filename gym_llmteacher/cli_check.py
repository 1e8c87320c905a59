"""``gym-llmteacher check``: the pre-flight report of one or several teachers."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

console = Console()


def check(
    env: Annotated[
        list[str] | None, typer.Option("--env", help="Gymnasium env id; several: a leaderboard.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="Ten env ids at once: 'standard'; a leaderboard of teachers.")
    ] = None,
    teacher: Annotated[
        list[str] | None, typer.Option(help="As for train; several are compared.")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Per teacher and env.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Of the first episode.")] = 0,
    elicitation: Annotated[str | None, typer.Option(help="As for train.")] = None,
    answers: Annotated[
        str | None, typer.Option(help="Answers file or redis://... (default: in the cache folder).")
    ] = None,
    min_success: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Exit with 1 if a teacher solves less.")
    ] = 0.0,
    out: Annotated[Path, typer.Option(help="Folder of the page and the JSON.")] = Path(
        "runs/check"
    ),
) -> None:
    """Let teachers play before anything is spent on training, and show how they fail."""
    from gym_llmteacher.cli_options import teacher_spec
    from gym_llmteacher.errors import AdviceError
    from gym_llmteacher.experiments.envs import make_env
    from gym_llmteacher.preflight.check import Check, random_teacher, verdict
    from gym_llmteacher.preflight.check import check as look
    from gym_llmteacher.preflight.page import page
    from gym_llmteacher.preflight.suite import RANDOM, env_ids, leaderboard
    from gym_llmteacher.teachers.make import is_language_model, make_teacher

    found: list[tuple[Check, str]] = []
    chosen = env_ids(suite, env or ([] if suite else ["LLMTeacher/SimpleDoorKey-v0"]))
    for env_id in chosen:
        if len(chosen) > 1:
            console.print(f"playing {env_id}", highlight=False)
        make = partial(make_env, env_id)
        with redirect_stdout(StringIO()):  # BabyAI tells of every level that it rejects
            chance = look(make, random_teacher(), RANDOM, episodes, seed)
        for name in teacher or ["embedded"]:
            spec = teacher_spec(name)
            way = elicitation if is_language_model(spec) else None
            kept = answers if is_language_model(spec) else None
            try:
                with redirect_stdout(StringIO()):
                    played = look(make, make_teacher(spec, kept, way), name, episodes, seed)
            except AdviceError as error:  # a script that is for other envs
                if len(chosen) == 1:
                    raise
                console.print(Text(f"{name} is left out in {env_id}: {error}"), soft_wrap=True)
                continue
            found.append((played, verdict(played, chance)))
        found.append((chance, ""))
    standings = leaderboard([played for played, _ in found])
    console.print(_table([played for played, _ in found]))
    if len(chosen) > 1:
        console.print(_leaderboard(standings))
    for played, said in found:
        if said:
            console.print(Text(f"{played.teacher} in {played.env_id}: {said}"), soft_wrap=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "check.html").write_text(page(found), encoding="utf-8", errors="backslashreplace")
    form = {
        "leaderboard": [asdict(one) for one in standings],
        "checks": [{**asdict(played), "verdict": said} for played, said in found],
    }
    (out / "check.json").write_text(json.dumps(form, indent=1))
    console.print(f"Page: {out / 'check.html'}", highlight=False, soft_wrap=True)
    if any(said and played.success < min_success for played, said in found):
        raise typer.Exit(1)


def _table(checks: list[Any]) -> Table:
    table = Table(
        Column("env", overflow="fold"),
        Column("teacher", overflow="fold"),
        "solved",
        "95 %",
        "return",
        "ended",
        "calls",
        "US dollars",
    )
    for one in checks:
        low, high = one.interval
        endings = ", ".join(f"{how} {times}" for how, times in one.endings.items())
        table.add_row(
            Text(one.env_id), Text(one.teacher), f"{one.success:.0%}", f"{low:.0%} to {high:.0%}",
            f"{one.mean_return:.3g}", endings, f"{one.said.totals.get('calls', 0):.0f}",
            f"{one.said.totals.get('cost_usd', 0):.4f}",
        )  # fmt: skip
    return table


def _leaderboard(standings: list[Any]) -> Table:
    names = ("solved on average", "envs half solved", "above chance", "calls", "US dollars")
    table = Table(Column("teacher", overflow="fold"), *names)
    for one in standings:
        table.add_row(
            Text(one.teacher), f"{one.success:.0%}", f"{one.solved} of {one.envs}",
            f"{one.above_chance} of {one.envs}", f"{one.calls:.0f}", f"{one.cost_usd:.4f}",
        )  # fmt: skip
    return table
