"""``gym-llmteacher reflect``: a language model looks at the episodes it lost."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from gym_llmteacher.llm.redact import without_secrets

console = Console()


def reflect(
    env: Annotated[str, typer.Option("--env", help="Gymnasium env id.")] = (
        "LLMTeacher/LavaDoorKey-v0"
    ),
    teacher: Annotated[str, typer.Option(help="As for train; a language model.")] = "embedded",
    candidates: Annotated[int, typer.Option(min=1, help="To be tried at most.")] = 6,
    episodes: Annotated[
        int, typer.Option(min=1, help="Reflected on; candidates are judged by as many others.")
    ] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of the first episode.")] = 0,
    experience: Annotated[
        Path | None, typer.Option(help="JSON of gym-llmteacher practise: told to the model, too.")
    ] = None,
    elicitation: Annotated[str | None, typer.Option(help="As for train.")] = None,
    answers: Annotated[
        str | None, typer.Option(help="Answers file or redis://... (default: in the cache folder).")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=0, help="Requests, in all that is ever asked with --answers.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of guideline.json and report.json.")] = Path(
        "runs/reflect"
    ),
) -> None:
    """Show a language model where it lost, and keep what makes it play better.

    It is asked again, and for a rule to put into its prompts. What wins more episodes, on seeds
    that were not looked at, stays; the rest is dropped.
    """
    from gym_llmteacher.cli_options import teacher_spec
    from gym_llmteacher.experiments.envs import make_env
    from gym_llmteacher.reflection.reflect import reflect as look_back
    from gym_llmteacher.reflection.report import Tried
    from gym_llmteacher.teachers.make import make_teacher, with_arguments

    spec = with_arguments(
        teacher_spec(teacher), answers=answers, elicitation=elicitation,
        budget=None if max_calls is None else {"calls": max_calls},
    )  # fmt: skip

    def watch(tried: Tried) -> None:
        kept = "kept" if tried.kept else "not kept"
        console.print(f"{tried.kind}: {tried.before:.0%} → {tried.after:.0%}, {kept}")

    with console.status("playing, and asking"):
        found = look_back(
            make_teacher(spec), partial(make_env, env), candidates, episodes=episodes, seed=seed,
            experience=experience, watch=watch,
        )  # fmt: skip
    console.print(found.table())
    path = found.save(out)
    console.print(
        f"Solved {found.before:.0%} before, {found.after:.0%} after, on seeds that were not looked "
        f"at. It ended because of: {found.stopped}. {found.steps:,} frames, "
        f"{found.spent['calls']:.0f} requests, {found.spent['cost_usd']:.4f} US dollars.",
        highlight=False,
    )
    console.print(f"Saved: {path}", highlight=False, soft_wrap=True)
    if found.guideline:
        form = _with_guideline(teacher_spec(teacher), path)
        command = f"gym-llmteacher check --env {env} --teacher '{json.dumps(form)}'"
        console.print(Text(f"Next: {command}"), soft_wrap=True)


def _with_guideline(spec: Any, path: Path) -> dict[str, Any]:
    """What to write for ``--teacher`` to have the guideline.

    >>> _with_guideline("embedded", Path("g.json")), _with_guideline("openai/x", Path("g.json"))
    ({'guideline': 'g.json'}, {'model': 'openai/x', 'guideline': 'g.json'})
    """
    known = {"model": spec} if isinstance(spec, str) and spec != "embedded" else spec
    form = without_secrets(known) if isinstance(known, dict) else {}
    return {**form, "guideline": str(path)}
