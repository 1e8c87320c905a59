"""The answers file for people: read, share and correct what a teacher said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.store import ALL, Find, Store
from gym_llmteacher.shown import shown

_LONGEST_LINE = 64_000_000  # characters; a line that is longer was not written by `export`
_REPORTED = 20  # bad lines


def find(answers: Store, start: str) -> Record:
    """The record whose key starts so.

    :raises AnswersFileError: there is none, or more than one
    """
    found = list(islice(answers.records(Find(key=start)), 2))
    if len(found) != 1:
        count = "no answer" if not found else "more than one answer"
        raise AnswersFileError(
            f"{count} in {answers.path} has a key that starts with {start!r}, expected one. Cure: "
            "see `gym-llmteacher answers list`."
        )
    return found[0]


def export(answers: Store, find: Find = ALL) -> Iterator[str]:
    """JSON Lines, one record each: for a colleague, or for version control."""
    for record in answers.records(find):
        yield json.dumps(asdict(record), sort_keys=True)


@dataclass
class Imported:
    """What came of an import.

    :param added: how many records were new
    :param known: how many were there already, and stayed as they were
    :param other: how many of these say something else
    :param bad: number and fault of the first lines that are no records
    :param n_bad: how many there are in all
    """

    added: int = 0
    known: int = 0
    other: int = 0
    bad: list[str] = field(default_factory=list)
    n_bad: int = 0


def insert(answers: Store, lines: Callable[[], Iterable[str]], skip_bad: bool = False) -> Imported:
    """Add exported records, all or none; what is known already is left as it is.

    :param lines: called twice: everything is looked at before anything is added
    :param skip_bad: add the others where some lines are no records
    :raises AnswersFileError: a line is no record; nothing is added then
    """
    done, good = Imported(), 0
    for record in _parsed(lines(), done):
        good += 1
        mine = answers.get(record.key)
        if mine is not None:
            done.other += mine.texts != record.texts
    if done.n_bad and not skip_bad:
        first = "; ".join(done.bad)
        more = f"; and {done.n_bad - len(done.bad)} more" if done.n_bad > len(done.bad) else ""
        raise AnswersFileError(
            f"{first}{more}; expected what `gym-llmteacher answers export` writes. Nothing was "
            "imported. Cure: correct these lines, or leave them out with --skip-bad."
        )
    done.added = answers.insert(_parsed(lines(), Imported()))
    done.known = good - done.added
    return done


def _parsed(lines: Iterable[str], done: Imported) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if len(line) > _LONGEST_LINE:
                raise ValueError(f"it has {len(line):,} characters")
            yield Record.from_dict(json.loads(line))
        except (ValueError, RecursionError) as error:
            done.n_bad += 1
            if len(done.bad) < _REPORTED:
                why = shown(str(error))[:200]
                done.bad.append(f"line {number} is not an exported answer ({why})")


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
    old = [r.key for r in answers.records(Find(model=model)) if r.created <= before]
    return answers.delete(old)
