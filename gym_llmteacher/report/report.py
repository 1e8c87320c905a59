"""Read the folder of a training, and write its page."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm

from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.experiments.config import ComparisonConfig
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import Evaluation
from gym_llmteacher.experiments.report import HEADER, table_rows
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.experiments.saved import load_student
from gym_llmteacher.experiments.teaching import guided_play, teacher_of
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.preflight.check import Check, check
from gym_llmteacher.report.episode import Played, played
from gym_llmteacher.report.page import page
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper

_MOST_ANSWERS = 200


def write_report(folder: Path, episodes: int = 20) -> Path:
    """Write ``report.html`` into the folder of a finished training. No model is asked anything.

    :param episodes: that the teacher plays by itself, from the answers there are
    :raises CheckpointError: there is no finished training in the folder
    """
    data = _results(folder)
    config = replace(ComparisonConfig.from_json(json.dumps(data["config"])), out=str(folder))
    runs = [_run(form) for form in data["runs"]]
    alone = data.get("teacher")
    scores = None if not alone else (Evaluation(**alone[0]), Evaluation(**alone[1]))
    teacher = teacher_of(config, offline=True) if "teacher" in config.students else None
    answers = folder / "answers.sqlite"
    said = Answers(answers).page(most=_MOST_ANSWERS) if answers.exists() else []
    html = page(
        data, (HEADER, table_rows(runs, scores)), _film(config, runs, teacher), said,
        _checked(config, teacher, episodes), command(config),
    )  # fmt: skip
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8", errors="backslashreplace")
    return path


def command(config: ComparisonConfig) -> str:
    """What to type to train the same again.

    >>> command(ComparisonConfig(env="FrozenLake-v1", steps=1000, students=("ppo",)))
    'gym-llmteacher train --env FrozenLake-v1 --steps 1000 --seeds 0 --students ppo --n-envs 8'
    """
    words = ["gym-llmteacher", "train", "--env", config.env, "--steps", str(config.steps),
             "--seeds", ",".join(map(str, config.seeds)), "--students", ",".join(config.students),
             "--n-envs", str(config.n_envs)]  # fmt: skip
    if config.teacher is not None:
        named = isinstance(config.teacher, str)
        words += ["--teacher", str(config.teacher) if named else json.dumps(config.teacher)]
    teaching = config.teaching
    if teaching.coef is not None:
        words += ["--coef", json.dumps(teaching.coef)]
    if teaching.ask is not None:
        words += ["--ask", teaching.ask]
    if teaching.curriculum is not None:
        words += ["--curriculum", json.dumps(teaching.curriculum)]
    if teaching.subgoals is not None:
        words += ["--subgoals", json.dumps(teaching.subgoals)]
    return shlex.join(words)


def _results(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / "results.json").read_text())
        data["config"]["env"], data["runs"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CheckpointError(
            f"{folder} has no finished training in it; expected a results.json. Cure: name a "
            "folder that `gym-llmteacher train` wrote, or finish the training with --resume."
        ) from None
    assert isinstance(data, dict)
    return data


def _run(form: Mapping[str, Any]) -> RunResult:
    scores = {name: Evaluation(**form[name]) for name in ("sampled", "greedy")}
    without = form.get("without_subgoals")
    alone = None if without is None else tuple(Evaluation(**score) for score in without)
    return RunResult(**{**form, **scores, "without_subgoals": alone})


def _film(
    config: ComparisonConfig, runs: list[RunResult], teacher: Teacher | None
) -> Played | None:
    run = next((run for run in runs if run.kind == "teacher"), None)
    path = config.folder / f"teacher-{run.seed}.zip" if run is not None else None
    if path is None or teacher is None or not path.exists():
        return None
    model: BaseAlgorithm = load_student(path)
    try:
        env = make_env(config.env, render_mode="rgb_array")
    except Exception:  # an env that cannot be drawn has an episode all the same
        env = make_env(config.env)
    shown = guided_play(config, offline=True)
    return played(lambda: shown(LLMTeacherWrapper(env, teacher=teacher)), model)


def _checked(config: ComparisonConfig, teacher: Teacher | None, episodes: int) -> Check | None:
    if teacher is None:
        return None
    return check(partial(make_env, config.env), teacher, "the teacher", episodes)
