"""``gym-llmteacher answers ...``: read, share and correct what a teacher said."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gym_llmteacher.llm import records
from gym_llmteacher.llm.answers import open_answers
from gym_llmteacher.llm.store import Record

app = typer.Typer(no_args_is_help=True, help="Read, share and correct what a teacher said.")
console = Console()

FileOption = Annotated[
    str | None,
    typer.Option("--file", help="Answers file, or redis://... (default: in your cache folder, or "
                 "$GYM_LLMTEACHER_ANSWERS)."),
]  # fmt: skip
ModelOption = Annotated[str | None, typer.Option(help="Only answers of this model.")]
KeyArgument = Annotated[str, typer.Argument(help="Beginning of the key, as `list` shows it.")]


@app.command("list")
def list_(file: FileOption = None, model: ModelOption = None) -> None:
    """One line per question: key, model, situation, and what was said most often."""
    table = Table("key", "model", "asked", "situation", "said")
    for record in records.records(open_answers(file), model):
        (said, times), *_ = Counter(text.strip() for text in record.texts).most_common(1)
        share = f"{times} of {len(record.texts)}: " if len(record.texts) > 1 else ""
        table.add_row(
            record.key[:10], Text(record.model), Text(record.elicitation), Text(record.text),
            Text(("(edited) " if record.edited else "") + share + said[-60:]),
        )  # fmt: skip
    console.print(table)


@app.command()
def show(key: KeyArgument, file: FileOption = None) -> None:
    """Everything about one question: what was sent, and every reply."""
    record = records.find(open_answers(file), key)
    sent = "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in record.prompt)
    console.print(Panel(Text(sent), title=f"{record.model}, {record.elicitation}"))
    for text in record.texts:
        console.print(Panel(Text(text)))
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(record.created))
    console.print(f"{when} UTC, key {record.key}", highlight=False)


@app.command()
def stats(file: FileOption = None) -> None:
    """What is in the file, by model, and what was ever spent with it."""
    answers = open_answers(file)
    table = Table("model", "asked", "answers", "tokens", "US dollars", "seconds")
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records.records(answers):
        groups.setdefault((record.model, record.elicitation), []).append(record)
    for (model, elicitation), found in sorted(groups.items()):
        replies = [record.reply for record in found]
        tokens = sum(r["prompt_tokens"] + r["completion_tokens"] for r in replies)
        usd = sum(reply["cost_usd"] for reply in replies)
        seconds = sum(reply["seconds"] for reply in replies)
        numbers = (str(len(found)), f"{tokens:,}", f"{usd:.4f}", f"{seconds:.1f}")
        table.add_row(Text(model), elicitation, *numbers)
    console.print(table)
    spent = answers.spent()
    total = f"{spent.calls} requests, {spent.tokens:,} tokens, ${spent.usd:.4f} in all"
    console.print(f"{answers.path}: {total}.", highlight=False, soft_wrap=True)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="JSON Lines to write.")],
    file: FileOption = None,
    model: ModelOption = None,
) -> None:
    """Write answers as JSON Lines, to share or to keep under version control."""
    lines = list(records.export(open_answers(file), model))
    out.write_text("".join(f"{line}\n" for line in lines))
    console.print(f"{len(lines)} answers written to {out}", highlight=False, soft_wrap=True)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="JSON Lines that `export` wrote.")],
    file: FileOption = None,
) -> None:
    """Add answers from JSON Lines; what is known already stays as it is."""
    added, known = records.insert(open_answers(file), source.read_text().splitlines())
    console.print(f"{added} answers added, {known} were known.", highlight=False)


@app.command()
def edit(
    key: KeyArgument,
    text: Annotated[str, typer.Argument(help='What to say instead, e.g. "Action: {explore}".')],
    file: FileOption = None,
) -> None:
    """Correct an answer: from now on the teacher says this."""
    record = records.edit(open_answers(file), key, text)
    console.print(f"{record.key[:10]} now says: {text}", highlight=False, markup=False)


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
