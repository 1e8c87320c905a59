"""The answers file for people: read, share and correct what a teacher said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields, replace

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.store import Record, Store

_LONGEST_LINE = 4_000_000  # characters; a line that is longer was not written by `export`


_NAMES = tuple(field.name for field in fields(Record) if field.name != "edited")


def records(answers: Store, model: str | None = None) -> list[Record]:
    """Everything in the store, oldest first; of one model, if it is named."""
    return [record for record in answers.records() if model in (None, record.model)]


def find(answers: Store, start: str) -> Record:
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


def export(answers: Store, model: str | None = None) -> Iterator[str]:
    """JSON Lines, one record each: for a colleague, or for version control."""
    for record in records(answers, model):
        yield json.dumps(asdict(record), sort_keys=True)


def insert(answers: Store, lines: Iterable[str]) -> tuple[int, int]:
    """Add exported records; what is known already is left as it is.

    :return: how many were added, and how many were known
    :raises AnswersFileError: a line is not a record; nothing is added then
    """
    new = [_parse(number, line) for number, line in enumerate(lines, 1) if line.strip()]

    added = answers.insert(new)
    return added, len(new) - added


def edit(answers: Store, start: str, text: str) -> Record:
    """Replace what the model said by one text of your own; it counts as the model's.

    Teachers that run already keep what they have in memory.
    """
    record = find(answers, start)
    reply = Reply.from_dict(record.reply)
    said = replace(reply, texts=(text,), logprobs=((),)).as_dict()
    mended = replace(record, reply=said, edited=True)
    answers.replace(mended)
    return mended


def prune(answers: Store, model: str | None = None, days: float | None = None) -> int:
    """Delete the answers of a model, or those older than some days, or both at once.

    :return: how many
    :raises AnswersFileError: neither is given: that would delete everything
    """
    if model is None and days is None:
        raise AnswersFileError("prune needs a model or an age in days; expected one of them.")
    before = time.time() - 86_400 * (days or 0.0)

    old = [record.key for record in records(answers, model) if record.created <= before]
    return answers.delete(old)


def _parse(number: int, line: str) -> Record:
    try:
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"it has {len(line):,} characters")
        values = json.loads(line)
        if not isinstance(values, dict):
            raise TypeError(f"it is a {type(values).__name__}")
        edited = bool(values.get("edited", False))
        record = Record(**{name: values[name] for name in _NAMES}, edited=edited)
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
