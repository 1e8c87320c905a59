"""The answers file for people: read, share and correct what a teacher said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.llm.reply import Reply

_LONGEST_LINE = 4_000_000  # characters; a line that is longer was not written by `export`


@dataclass(frozen=True)
class Record:
    """One question and its answer; ``created`` in seconds since 1970, UTC."""

    key: str
    model: str
    elicitation: str
    text: str
    prompt: list[dict[str, str]]
    reply: dict[str, Any]
    created: float

    @property
    def texts(self) -> tuple[str, ...]:
        """What the model said, sample by sample."""
        return tuple(str(text) for text in self.reply["texts"])


_NAMES = tuple(field.name for field in fields(Record))


def records(answers: Answers, model: str | None = None) -> list[Record]:
    """Everything in the file, oldest first; of one model, if it is named."""

    def read(connection: Any) -> list[Record]:
        query = f"SELECT {', '.join(_NAMES)} FROM answers"
        where, values = (" WHERE model = ?", (model,)) if model else ("", ())
        rows = connection.execute(f"{query}{where} ORDER BY created, key", values)
        return [
            Record(key, model, how, text, json.loads(prompt), json.loads(reply), float(created))
            for key, model, how, text, prompt, reply, created in rows
        ]

    return answers.transaction(read)


def find(answers: Answers, start: str) -> Record:
    """The record whose key starts so.

    :raises AnswersFileError: there is none, or more than one
    """
    found = [record for record in records(answers) if record.key.startswith(start)]
    if len(found) != 1:
        raise AnswersFileError(
            f"{len(found)} answers in {answers.path} have a key that starts with {start!r}, "
            "expected one. Cure: see `gym-llmteacher answers list`."
        )
    return found[0]


def export(answers: Answers, model: str | None = None) -> Iterator[str]:
    """JSON Lines, one record each: for a colleague, or for version control."""
    for record in records(answers, model):
        yield json.dumps(asdict(record), sort_keys=True)


def insert(answers: Answers, lines: Iterable[str]) -> tuple[int, int]:
    """Add exported records; what is known already is left as it is.

    :return: how many were added, and how many were known
    :raises AnswersFileError: a line is not a record; nothing is added then
    """
    new = [_parse(number, line) for number, line in enumerate(lines, 1) if line.strip()]

    def add(connection: Any) -> int:
        before = connection.total_changes
        connection.executemany(
            "INSERT OR IGNORE INTO answers VALUES (?,?,?,?,?,?,?,?,?,?,?)", map(_row, new)
        )
        return int(connection.total_changes - before)

    added = answers.transaction(add)
    return added, len(new) - added


def edit(answers: Answers, start: str, text: str) -> Record:
    """Replace what the model said by one text of your own; it counts as the model's.

    Teachers that run already keep what they have in memory.
    """
    record = find(answers, start)
    reply = Reply.from_dict(record.reply)
    mended = replace(record, reply=replace(reply, texts=(text,), logprobs=((),)).as_dict())

    def write(connection: Any) -> None:
        connection.execute(
            "UPDATE answers SET reply = ? WHERE key = ?", (json.dumps(mended.reply), record.key)
        )

    answers.transaction(write)
    return mended


def prune(answers: Answers, model: str | None = None, days: float | None = None) -> int:
    """Delete the answers of a model, or those older than some days, or both at once.

    :return: how many
    :raises AnswersFileError: neither is given: that would delete everything
    """
    if model is None and days is None:
        raise AnswersFileError("prune needs a model or an age in days; expected one of them.")
    before = time.time() - 86_400 * (days or 0.0)

    def delete(connection: Any) -> int:
        query = "DELETE FROM answers WHERE created <= ? AND (? IS NULL OR model = ?)"
        return int(connection.execute(query, (before, model, model)).rowcount)

    return answers.transaction(delete)


def _parse(number: int, line: str) -> Record:
    try:
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"it has {len(line):,} characters")
        values = json.loads(line)
        record = Record(**{name: values[name] for name in _NAMES})
        Reply.from_dict(record.reply)
        strings = (record.key, record.model, record.elicitation, record.text)
        if not all(isinstance(value, str) for value in strings):
            raise ValueError("key, model, elicitation and text must be strings")
        return replace(record, created=float(record.created))
    except (KeyError, TypeError, ValueError) as error:
        raise AnswersFileError(
            f"line {number} is not an exported answer ({error!r}); expected what "
            "`gym-llmteacher answers export` writes. Nothing was imported."
        ) from None


def _row(record: Record) -> tuple[Any, ...]:
    reply = Reply.from_dict(record.reply)
    return (
        record.key, record.model, record.elicitation, record.text, json.dumps(record.prompt),
        json.dumps(reply.as_dict()), reply.prompt_tokens, reply.completion_tokens, reply.cost_usd,
        reply.seconds, record.created,
    )  # fmt: skip
