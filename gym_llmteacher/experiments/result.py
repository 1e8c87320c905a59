"""What one run of a comparison gave."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from gym_llmteacher.experiments.config import StudentKind
from gym_llmteacher.experiments.evaluate import Evaluation


@dataclass
class RunResult:
    """What one run gave.

    :param seconds: wall time of training alone
    :param curve: ``(frames, success rate of the last 100 training episodes)``
    :param teacher: totals of the teacher
    :param taught: ``(frames, λ, calls to the language model so far)``
    :param without_subgoals: sampled and greedy, where none is shown and nobody is asked; ``None``:
        it was trained without
    """

    kind: StudentKind
    seed: int
    frames: int
    sampled: Evaluation
    greedy: Evaluation
    seconds: float
    curve: list[tuple[int, float]]
    teacher: dict[str, float] = field(default_factory=dict)
    taught: list[tuple[int, float, float]] = field(default_factory=list)
    without_subgoals: tuple[Evaluation, Evaluation] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
