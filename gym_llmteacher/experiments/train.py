"""Train one student, or the several students over several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from rich.console import Console
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.experiments.checkpoint import (
    SUBGOALS,
    TEACHER,
    Checkpoint,
    restore,
    snapshot,
)
from gym_llmteacher.experiments.config import STUDENT_NAMES, ComparisonConfig, StudentKind
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import Evaluation, evaluate
from gym_llmteacher.experiments.progress import ProgressCallback, make_progress
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.experiments.student import curriculum_for, make_student
from gym_llmteacher.experiments.teaching import (
    guided_play,
    subgoal_teacher_of,
    sums_of,
    teacher_of,
)
from gym_llmteacher.playing.actors import StudentActor
from gym_llmteacher.sb3.telemetry import watch_student, with_hit_rate
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.totals import added


class Checkpoints(BaseCallback):
    """Takes a checkpoint between rollouts, and writes it every so many frames.

    :param every: frames between two that are written
    :param take: keeps the present state in memory, for an interruption that may come
    :param write: writes what was taken
    """

    def __init__(self, every: int, take: Callable[[], None], write: Callable[[], None]) -> None:
        super().__init__()
        self._every, self._take, self._write = every, take, write
        self._last = 0

    def _on_training_start(self) -> None:
        self._last = self.num_timesteps

    def _on_rollout_start(self) -> None:
        self._take()
        if self.num_timesteps - self._last >= self._every:
            self._last = self.num_timesteps
            self._write()

    def _on_step(self) -> bool:
        return True


def train_all(
    config: ComparisonConfig, console: Console, done: Checkpoint, earlier: Mapping[str, float]
) -> list[RunResult]:
    """Train every student on every seed and save each student as ``<kind>-<seed>.zip``.

    :param done: what there is already; it is kept up to date
    :param earlier: totals of the teacher in a process that was interrupted
    """
    finished = {(run.kind, run.seed) for run in done.runs}
    for seed in config.seeds:
        for kind in config.students:
            if (kind, seed) not in finished:
                done.runs.append(_train_one(config, kind, seed, console, done, earlier))
                done.student = None
                done.write(config.folder)
    return done.runs


def _train_one(
    config: ComparisonConfig,
    kind: StudentKind,
    seed: int,
    console: Console,
    done: Checkpoint,
    earlier: Mapping[str, float],
) -> RunResult:
    model = make_student(config, kind, seed)
    student, teachers = done.student, teachers_of(config, kind)
    if student is not None:
        model = restore(student, model, teachers)
        console.print(
            f"{STUDENT_NAMES[kind]} seed {seed} goes on from {model.num_timesteps:,} frames"
        )
    before = student.seconds if student else 0.0

    def sums() -> Mapping[str, float]:
        return sums_of(config, kind, _vec_env(model)) if teachers else {}

    def totals() -> dict[str, float]:
        return with_hit_rate(added(sums(), earlier)) if teachers else {}

    start = time.perf_counter()
    with make_progress(console) as progress:
        label = f"{STUDENT_NAMES[kind]:>10} seed {seed}"
        task = progress.add_task(label, total=config.steps, status="success   0%")
        watch = ProgressCallback(progress, task, totals)
        if student is not None:
            watch.curve, watch.taught = list(student.curve), list(student.taught)

        def take() -> None:
            if teachers:
                done.note(sums(), earlier)
            seconds = before + time.perf_counter() - start
            done.student = snapshot(model, kind, seed, watch.curve, watch.taught, seconds, teachers)
            if written is not None:
                done.student.curriculum = written[0].saved()

        def write() -> None:
            done.write(config.folder)

        # Measured without a teacher: the student sees the same, subgoals too.
        written = curriculum_for(config, guided_play(config))
        if written is not None and student is not None:
            written[0].resume(student.curriculum)
        if kind == "teacher":
            watch_student(_vec_env(model), model)
        checkpoints = Checkpoints(config.running.checkpoint_every, take, write)
        model.learn(
            config.steps - model.num_timesteps,
            callback=[watch, checkpoints, *([written[1]] if written else [])],
            reset_num_timesteps=student is None,
        )
        seconds = before + time.perf_counter() - start
        progress.update(task, completed=model.num_timesteps)
    model.save(config.folder / f"{kind}-{seed}.zip")
    if written is not None:
        written[0].save(config.folder / f"curriculum-{kind}-{seed}.json")
    spent = totals()
    if teachers:
        done.note(sums(), earlier)
    _vec_env(model).close()
    sampled, greedy = scores_of(config, model, shown=True)
    without = None
    if config.teaching.subgoals is not None:
        without = scores_of(config, model, shown=False)
    return RunResult(
        kind, seed, model.num_timesteps, sampled, greedy, seconds, watch.curve, spent,
        watch.taught, without,
    )  # fmt: skip


def teachers_of(config: ComparisonConfig, kind: StudentKind) -> dict[str, Teacher]:
    """The teachers behind a student's envs, by what they do."""
    both = {
        TEACHER: teacher_of(config) if kind == "teacher" else None,
        SUBGOALS: subgoal_teacher_of(config),
    }
    return {name: teacher for name, teacher in both.items() if teacher is not None}


def scores_of(config: ComparisonConfig, model: PPO, shown: bool) -> tuple[Evaluation, Evaluation]:
    """Sampled and greedy.

    :param shown: whether the student is shown subgoals, if it has been trained with some
    """
    wrap = guided_play(config, shown)
    sampled, greedy = (
        evaluate(
            lambda: wrap(make_env(config.env)),
            StudentActor(model, deterministic),
            config.eval_episodes,
        )
        for deterministic in (False, True)
    )
    return sampled, greedy


def _vec_env(model: PPO) -> VecEnv:
    env = model.get_env()
    assert env is not None
    return env
