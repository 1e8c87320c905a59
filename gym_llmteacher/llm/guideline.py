"""What is put into every prompt besides the question: a rule, and notes on certain texts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gym_llmteacher.errors import TeacherSpecError

FORMAT = 1
LONGEST = 400
"""Characters of a rule or of a note that are kept: a model's words are no novel."""
MOST = 50
"""Notes that are kept."""


@dataclass(frozen=True)
class Guideline:
    """A rule that goes into every prompt, and notes that go into the prompts about certain texts.

    `reflect` finds them, and writes them into a file; they may be written by hand as well. A
    teacher with another guideline asks other questions: its answers are kept by what was sent.

    :param rule: one line; line breaks become spaces, and what is longer than 400 characters is cut
    :param notes: by `Situation.text`, what happened there before: likewise; 50 at most
    :raises TeacherSpecError: no words, or too many notes

    >>> Guideline("Get the key\\nfirst.").rule
    'Get the key first.'
    """

    rule: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        words = [self.rule, *self.notes, *self.notes.values()]
        if not all(isinstance(each, str) for each in words) or len(self.notes) > MOST:
            raise TeacherSpecError(
                f"the guideline has rule={self.rule!r:.80} and {len(self.notes)} notes, expected "
                f"words, and {MOST} notes at most."
            )
        object.__setattr__(self, "rule", one_line(self.rule))
        notes = {text: one_line(note) for text, note in self.notes.items()}
        object.__setattr__(self, "notes", notes)

    def __bool__(self) -> bool:
        return bool(self.rule or self.notes)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        notes = [{"text": text, "note": note} for text, note in self.notes.items()]
        return {"format": FORMAT, "rule": self.rule, "notes": notes}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file, which ``guideline=path`` reads."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        words = json.dumps(self.as_dict(), indent=1, ensure_ascii=True)
        Path(path).write_text(f"{words}\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Guideline:
        """Read what `save` wrote.

        :raises TeacherSpecError: it is no such file
        """
        try:
            form = json.loads(Path(path).read_text(encoding="utf-8"))
            if form["format"] != FORMAT:
                raise ValueError(f"format {form['format']!r}")
            return cls(form["rule"], {each["text"]: each["note"] for each in form["notes"]})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TeacherSpecError(
                f"the guideline {os.fspath(path)!r} cannot be read ({type(error).__name__}: "
                f"{error}), expected the JSON that gym-llmteacher reflect wrote, format {FORMAT}. "
                "Cure: check the path, or pass the rule itself as text."
            ) from None


GuidelineSpec = Guideline | str | os.PathLike[str] | None


def guideline_of(spec: GuidelineSpec) -> Guideline:
    """Read what a user wrote: a `Guideline`, the path of a ``.json`` file, or the rule itself.

    :raises TeacherSpecError: something else, or a file that is none

    >>> guideline_of("Doors are opened last.").rule
    'Doors are opened last.'
    """
    if spec is None:
        return Guideline()
    if isinstance(spec, Guideline):
        return spec
    if isinstance(spec, os.PathLike) or (isinstance(spec, str) and spec.endswith(".json")):
        return Guideline.load(spec)
    if isinstance(spec, str) and spec.strip():
        return Guideline(spec)
    raise TeacherSpecError(
        f"guideline is {spec!r}, expected the path of a .json file that gym-llmteacher reflect "
        "wrote, a rule in words, or a Guideline."
    )


def one_line(text: str, longest: int = LONGEST) -> str:
    """Words of others as one line of bounded length.

    >>> one_line("go\\x1b[31m\\n  on", 9)
    'go [31m …'
    """
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
