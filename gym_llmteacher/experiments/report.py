"""The table at the end of a comparison."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from gym_llmteacher.experiments.config import STUDENT_NAMES, ComparisonConfig
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import Evaluation, evaluate, percent
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.experiments.saved import load_student, played_in, takes_subgoals
from gym_llmteacher.experiments.teaching import Wrap, taught
from gym_llmteacher.playing.actors import Actor, StudentActor, TeacherActor
from gym_llmteacher.teachers.make import TeacherSpec
from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper

HEADER = ("policy", "seed", "sampled", "greedy", "return", "frames", "to 90%", "time", "calls",
          "tokens")  # fmt: skip
CAPTION = (
    "sampled, greedy: share of episodes solved, drawing actions from the policy or acting "
    "deterministically; to 90%: frames until 90% of the last 100 training episodes were solved; "
    "time: of training; calls, tokens: to the language model so far"
)


def teacher_alone(config: ComparisonConfig, deterministic: bool = False) -> Evaluation:
    """Let the teacher act alone, on the same episodes as the students."""
    return evaluate(
        lambda: taught(config)(make_env(config.env)),
        TeacherActor(deterministic),
        config.eval_episodes,
    )


def evaluation_table(
    env_id: str,
    student: Path | None,
    teacher: TeacherSpec = None,
    elicitation: str | None = None,
    episodes: int = 200,
    seed: int = 10_000,
) -> Table:
    """Sampled and greedy results of a saved student, or of a teacher acting alone.

    A student that takes subgoals plays with those of its training, and without any.

    :raises ModelUnavailableError: the student's file cannot be read, or it takes subgoals and
        nothing says which
    """
    table = Table(title=f"{env_id}, {episodes} episodes from seed {seed}")
    for column in ("policy", "actions", "success", "return", "length"):
        table.add_column(column, justify="left" if column in ("policy", "actions") else "right")
    players: list[tuple[str, Callable[[bool], Actor], Wrap]] = []
    if student is None:
        players.append(
            (
                "teacher",
                TeacherActor,
                lambda env: LLMTeacherWrapper(env, teacher=teacher, elicitation=elicitation),
            )
        )
    else:
        model = load_student(student)
        players.append((student.name, partial(StudentActor, model), played_in(model, student)))
        if takes_subgoals(model):
            alone = played_in(model, student, shown=False)
            players.append(("  without subgoals", partial(StudentActor, model), alone))
    for name, actor, wrap in players:
        for deterministic in (False, True):
            score = evaluate(partial(_wrapped, wrap, env_id), actor(deterministic), episodes, seed)
            table.add_row(
                name,
                "most likely" if deterministic else "sampled",
                percent(score.success),
                f"{score.reward:.3f}",
                f"{score.length:.1f}",
            )
    return table


def _wrapped(wrap: Wrap, env_id: str) -> gym.Env[Any, Any]:
    return wrap(make_env(env_id))


def frames_to(curve: Sequence[tuple[int, float]], success: float = 0.9) -> int | None:
    """Return the first frame count at which the last 100 training episodes reached ``success``.

    >>> frames_to([(1000, 0.2), (2000, 0.95)])
    2000
    """
    return next((frames for frames, rate in curve if rate >= success), None)


def _reached(curve: Sequence[tuple[int, float]]) -> str:
    reached = frames_to(curve)
    if reached is None:
        return "-" if all(math.isnan(rate) for _, rate in curve) else "never"
    return f"{reached / 1000:.1f}k"


def table_rows(
    runs: Sequence[RunResult], teacher: tuple[Evaluation, Evaluation] | None
) -> list[tuple[str, ...]]:
    """One row per run, the teacher first."""
    rows: list[tuple[str, ...]] = []
    if teacher is not None:
        sampled, greedy = teacher
        rows.append(("teacher", "", percent(sampled.success), percent(greedy.success),
                     f"{sampled.reward:.3f}", "", "", "", "", ""))  # fmt: skip
    for run in runs:
        llm = run.teacher
        tokens = llm.get("prompt_tokens", 0.0) + llm.get("completion_tokens", 0.0)
        rows.append((
            STUDENT_NAMES[run.kind], str(run.seed), percent(run.sampled.success),
            percent(run.greedy.success), f"{run.sampled.reward:.3f}", f"{run.frames / 1000:.0f}k",
            _reached(run.curve), f"{run.seconds:.0f} s",
            f"{llm['calls']:.0f}" if "calls" in llm else "-",
            f"{tokens:.0f}" if "calls" in llm else "-",
        ))  # fmt: skip
        if run.without_subgoals is not None:
            sampled, greedy = run.without_subgoals
            rows.append((" without", str(run.seed), percent(sampled.success),
                         percent(greedy.success), f"{sampled.reward:.3f}", "", "", "", "",
                         ""))  # fmt: skip
    return rows


def rich_table(config: ComparisonConfig, rows: Sequence[tuple[str, ...]]) -> Table:
    """Format for the terminal."""
    table = Table(
        title=f"{config.env}, {config.eval_episodes} episodes per evaluation",
        caption=caption(config),
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, column in enumerate(HEADER):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def caption(config: ComparisonConfig) -> str:
    """What the columns are, and the rows that are no student of their own."""
    if config.teaching.subgoals is None:
        return CAPTION
    return (
        f"{CAPTION}; without: the student above where it is shown no subgoals, and nobody is asked"
    )


def markdown_table(rows: Sequence[tuple[str, ...]], below: str = CAPTION) -> str:
    """Format for a README."""
    lines = [HEADER, tuple("---" for _ in HEADER), *rows]
    rows_text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{rows_text}\n\n{below}.\n"


def save_results(
    config: ComparisonConfig,
    runs: Sequence[RunResult],
    teacher: tuple[Evaluation, Evaluation] | None,
    folder: Path,
) -> None:
    """Write ``results.json`` (everything) and ``results.md`` (the table)."""
    data = {
        "config": json.loads(config.to_json()),
        "teacher": None if teacher is None else [vars(score) for score in teacher],
        "runs": [run.as_dict() for run in runs],
    }
    (folder / "results.json").write_text(json.dumps(data, indent=1, default=_plain))
    (folder / "results.md").write_text(markdown_table(table_rows(runs, teacher), caption(config)))


def _plain(value: object) -> float:
    if isinstance(value, np.generic):
        return float(value.item())
    raise TypeError(f"cannot write {type(value).__name__} as JSON")
