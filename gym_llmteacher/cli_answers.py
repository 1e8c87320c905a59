"""``gym-llmteacher answers ...``: read, share and correct what a teacher said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gym_llmteacher.llm import records
from gym_llmteacher.llm.answers import open_answers
from gym_llmteacher.llm.store import Find
from gym_llmteacher.shown import shown

app = typer.Typer(no_args_is_help=True, help="Read, share and correct what a teacher said.")
console = Console()

FileOption = Annotated[
    str | None,
    typer.Option("--file", help="Answers file, or redis://... (default: in your cache folder, or "
                 "$GYM_LLMTEACHER_ANSWERS)."),
]  # fmt: skip
ModelOption = Annotated[str | None, typer.Option(help="Only answers of this model.")]
TextOption = Annotated[
    str, typer.Option(help="Only answers whose situation or prompt contains this.")
]
EnvOption = Annotated[str | None, typer.Option(help="Only answers for the tasks of this env id.")]
KeyArgument = Annotated[str, typer.Argument(help="Beginning of the key, as `list` shows it.")]


class Order(str, Enum):
    """What a list can be sorted by."""

    created = "created"
    model = "model"
    text = "text"
    tokens = "tokens"


@app.command("list")
def list_(
    file: FileOption = None,
    model: ModelOption = None,
    text: TextOption = "",
    env: EnvOption = None,
    sort: Annotated[Order, typer.Option(help="What to sort by.")] = Order.created,
    newest: Annotated[bool, typer.Option("--newest", help="The last of this order first.")] = False,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    rows: Annotated[int, typer.Option(min=1, help="Answers on a page.")] = 50,
) -> None:
    """One line per question: key, model, situation, and what was said most often."""
    answers = open_answers(file)
    found = answers.page(
        replace(_find(model, text, env), order=sort.value, newest=newest),
        (page - 1) * rows, rows + 1,
    )  # fmt: skip
    table = Table("key", "model", "asked", "situation", "said")
    for record in found[:rows]:
        (said, times), *_ = Counter(text.strip() for text in record.texts).most_common(1)
        share = f"{times} of {len(record.texts)}: " if len(record.texts) > 1 else ""
        table.add_row(*map(_words, (
            record.key[:10], record.model, record.elicitation, record.text,
            ("(edited) " if record.edited else "") + share + said[-60:],
        )))  # fmt: skip
    console.print(table)
    if len(found) > rows:
        console.print(f"There are more: --page {page + 1}.", highlight=False)


def _find(model: str | None, text: str, env: str | None) -> Find:
    from gym_llmteacher.experiments.envs import tasks_of  # imports MiniGrid

    return Find(model=model, text=text, tasks=tasks_of(env) if env else ())


def _words(text: str, lines: bool = False) -> Text:
    """What somebody else said: nothing in it is markup, or an order to the terminal."""
    return Text(shown(text, lines))


@app.command()
def show(key: KeyArgument, file: FileOption = None) -> None:
    """Everything about one question: what was sent, and every reply."""
    record = records.find(open_answers(file), key)
    sent = "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in record.prompt)
    title = _words(f"{record.model}, {record.elicitation}")
    console.print(Panel(_words(sent, lines=True), title=title))
    for text in record.texts:
        console.print(Panel(_words(text, lines=True)))
    when = datetime.fromtimestamp(record.created, timezone.utc)
    console.print(_words(f"{when:%Y-%m-%d %H:%M} UTC, key {record.key}"))


@app.command()
def stats(file: FileOption = None) -> None:
    """What is in the file, by model, and what was ever spent with it."""
    answers = open_answers(file)
    table = Table("model", "asked", "answers", "tokens", "US dollars", "seconds")
    for of in answers.totals():
        usd = f"{of.usd:.4f}" if of.usd else "-"
        numbers = (f"{of.answers:,}", f"{of.tokens:,}", usd, f"{of.seconds:.1f}")
        table.add_row(_words(of.model), _words(of.elicitation), *numbers)
    console.print(table)
    spent = answers.spent()
    dollars = f"${spent.usd:.4f}" if spent.usd else "no price known"
    total = f"{spent.calls} requests, {spent.tokens:,} tokens, {dollars} in all"
    console.print(_words(f"{answers.path}: {total}."), soft_wrap=True)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="JSON Lines to write.")],
    file: FileOption = None,
    model: ModelOption = None,
    text: TextOption = "",
    env: EnvOption = None,
) -> None:
    """Write answers as JSON Lines, to share or to keep under version control."""
    count, found = 0, _find(model, text, env)
    with out.open("w", encoding="utf-8") as stream:
        for line in records.export(open_answers(file), found):
            stream.write(f"{line}\n")
            count += 1
    console.print(_words(f"{count} answers written to {out}"), soft_wrap=True)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="JSON Lines that `export` wrote.")],
    file: FileOption = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out lines that are no answers, and say so.")
    ] = False,
) -> None:
    """Add answers from JSON Lines; what is known already stays as it is."""

    def lines() -> Iterator[str]:
        # What is no UTF-8 makes a bad line, not a traceback.
        with source.open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
            yield from stream

    if not source.is_file():
        raise typer.BadParameter(f"{source} is no file, expected JSON Lines that `export` wrote.")
    done = records.insert(open_answers(file), lines, skip_bad)
    for fault in done.bad:
        console.print(_words(fault), soft_wrap=True)
    other = f", {done.other} of them with another reply, of which yours stays" if done.other else ""
    bad = f"; {done.n_bad} bad lines were left out" if done.n_bad else ""
    console.print(
        f"{done.added} answers added, {done.known} were known{other}{bad}.", highlight=False
    )


@app.command()
def edit(
    key: KeyArgument,
    text: Annotated[str, typer.Argument(help='What to say instead, e.g. "Action: {explore}".')],
    file: FileOption = None,
) -> None:
    """Correct an answer: from now on the teacher says this."""
    record = records.edit(open_answers(file), key, text)
    console.print(_words(f"{record.key[:10]} now says: {text}"))


@app.command()
def prune(
    file: FileOption = None,
    model: ModelOption = None,
    days: Annotated[float | None, typer.Option(help="Only answers older than this.")] = None,
) -> None:
    """Delete answers of a model, or old ones."""
    console.print(
        f"{records.prune(open_answers(file), model, days)} answers deleted.", highlight=False
    )
