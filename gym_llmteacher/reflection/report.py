"""What came of a reflection: a prompt file, and a report of what was tried."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from gym_llmteacher.llm.guideline import Guideline, one_line
from gym_llmteacher.reflection.paired import TEST, Comparison
from gym_llmteacher.shown import shown
from gym_llmteacher.teachers.llm import LLMTeacher

SHOWN = 160
"""Characters of a candidate's words in the table; the report has all of them."""


@dataclass(frozen=True)
class Tried:
    """One candidate.

    :param kind: ``"asked again"`` or ``"rule"``
    :param words: what was new in it
    :param guideline: all of it
    :param before: success of the best so far on the same seeds, in [0, 1]
    :param after: its own
    :param result: of the paired test
    :param kept: whether it stayed
    """

    kind: str
    words: str
    guideline: Guideline
    before: float
    after: float
    result: Comparison
    kept: bool


@dataclass(frozen=True)
class Reflection:
    """What came of a reflection.

    :param guideline: the best; the one there was before if nothing was better
    :param teacher: the teacher with it
    :param tried: in order
    :param before: success on seeds that were not reflected on, in [0, 1]; NaN: not played
    :param after: with the guideline
    :param steps: env steps in all
    :param spent: ``calls`` and ``cost_usd``
    :param stopped: ``"candidates"``, ``"nothing lost"``, ``"nothing left to try"`` or ``"budget"``
    """

    guideline: Guideline
    teacher: LLMTeacher
    tried: tuple[Tried, ...]
    before: float
    after: float
    steps: int
    spent: dict[str, float]
    stopped: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "test": TEST,
            "before": _finite(self.before), "after": _finite(self.after),
            "steps": self.steps, "spent": self.spent, "stopped": self.stopped,
            "guideline": self.guideline.as_dict(),
            "tried": [
                {"kind": one.kind, "words": one.words, "before": one.before, "after": one.after,
                 **one.result._asdict(), "kept": one.kept}
                for one in self.tried
            ],
        }  # fmt: skip

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write ``guideline.json``, which ``LLMTeacher(guideline=...)`` loads, and ``report.json``.

        :return: path of the former
        """
        path = Path(folder) / "guideline.json"
        self.guideline.save(path)
        words = json.dumps(self.as_dict(), indent=1)
        path.with_name("report.json").write_text(f"{words}\n", encoding="utf-8")
        return path

    def table(self) -> Table:
        """What was tried, for a terminal."""
        table = Table("candidate", "in words", "solved", "better, worse, same", "p", "")
        for one in self.tried:
            result, words = one.result, shown(one_line(one.words, SHOWN))
            table.add_row(
                one.kind, Text(words), f"{one.before:.0%} → {one.after:.0%}",
                f"{result.better}, {result.worse}, {result.same}", f"{result.p:.3g}",
                "kept" if one.kept else "",
            )  # fmt: skip
        return table


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
