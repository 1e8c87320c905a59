"""Train one student, or the several students over several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
from rich.console import Console
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.curriculum.callback import CurriculumCallback
from gym_llmteacher.curriculum.curriculum import Curriculum
from gym_llmteacher.curriculum.written import curriculum_of
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.experiments.checkpoint import Checkpoint, restore, snapshot
from gym_llmteacher.experiments.config import (
    STUDENT_NAMES,
    ComparisonConfig,
    StudentKind,
    ppo_arguments,
)
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.experiments.progress import ProgressCallback, make_progress
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.llm.local import is_local
from gym_llmteacher.playing.actors import StudentActor
from gym_llmteacher.sb3.ppo import TeacherPPO
from gym_llmteacher.sb3.telemetry import teacher_sums, teacher_totals
from gym_llmteacher.sb3.vec_teacher import VecTeacher
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.llm import LLMTeacher
from gym_llmteacher.teachers.make import is_language_model, make_teacher
from gym_llmteacher.wrappers.grounding import GroundingWrapper
from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper


def teacher_of(config: ComparisonConfig) -> Teacher:
    """The comparison's teacher, shared within the process.

    :raises ModelUnavailableError: it cannot be used
    """
    own: dict[str, Any] = {}
    if is_language_model(config.teacher):
        budget = config.running.budget or None
        own = {"answers": config.folder / "answers.sqlite", "budget": budget}
    return make_teacher(config.teacher, **own)


def taught(config: ComparisonConfig) -> Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]:
    """Return a function that wraps an env with the comparison's teacher."""
    # The teacher itself, not its name: a key in the name would go wherever the env goes.
    teacher = teacher_of(config)
    return lambda env: LLMTeacherWrapper(env, teacher=teacher, ask=config.teaching.ask)


def is_map(env_id: str) -> bool:
    """Whether the env's observations are small maps of integer codes."""
    space = make_env(env_id).observation_space
    if not isinstance(space, gym.spaces.Box) or len(space.shape) != 3:
        return False
    return float(space.high.max()) < 64


def policy_for(space: gym.spaces.Space[Any]) -> str:
    """SB3's policy for observations that are no small maps.

    >>> policy_for(gym.spaces.Dict({"x": gym.spaces.Discrete(2)}))
    'MultiInputPolicy'
    """
    if isinstance(space, gym.spaces.Dict):
        return "MultiInputPolicy"
    return "CnnPolicy" if is_image_space(space) else "MlpPolicy"


def check_env(config: ComparisonConfig) -> None:
    """Make the env once, before anything is written or asked.

    :raises GroundingError: Stable-Baselines3 cannot learn from its observations, or nothing knows
        what they mean
    """
    written = curriculum_for(config)
    if written is not None:
        written[0].make_original().close()
    env = make_env(config.env)
    try:
        space = env.observation_space
        if isinstance(space, (gym.spaces.Tuple, gym.spaces.Sequence, gym.spaces.Text)):
            raise GroundingError(
                f"the observations of {config.env} are {space}, which Stable-Baselines3 does not "
                "take; expected a Box, Discrete, MultiDiscrete, MultiBinary or Dict. Cure: "
                "register the env with a gymnasium.wrappers.FlattenObservation around it."
            )
        if "teacher" in config.students:
            GroundingWrapper(env)
    finally:
        env.close()


def make_student(config: ComparisonConfig, kind: StudentKind, seed: int, verbose: int = 0) -> PPO:
    """Make an untrained student: the same PPO every time, with a teacher or without."""
    arguments: dict[str, Any] = {**ppo_arguments(is_map(config.env)), "seed": seed}
    policy = arguments.pop("policy")
    if policy == "MlpPolicy":
        policy = policy_for(make_env(config.env).observation_space)
    env = make_train_env(config, kind, seed)
    if kind == "teacher":
        return TeacherPPO(
            policy,
            env,
            teacher_coef=config.teaching.coef,
            device="cpu",
            verbose=verbose,
            **arguments,
        )
    return PPO(policy, env, device="cpu", verbose=verbose, **arguments)


def curriculum_for(
    config: ComparisonConfig, wrapper: Any = None
) -> tuple[Curriculum, CurriculumCallback] | None:
    """The comparison's curriculum, at its beginning; ``None``: it has none.

    :param wrapper: around each env
    """
    if config.teaching.curriculum is None:
        return None

    def make(env: str = config.env, **arguments: Any) -> gym.Env[Any, Any]:
        made = make_env(env, **arguments)
        return made if wrapper is None else wrapper(made)

    return curriculum_of(config.teaching.curriculum, make)


def make_train_env(config: ComparisonConfig, kind: StudentKind, seed: int) -> VecEnv:
    """Make the envs a student is trained in, wrapped with the teacher if it has one."""

    def make(wrapper: Any) -> VecEnv:
        written = curriculum_for(config, wrapper)
        if written is not None:
            return make_vec_env(written[0].make, config.n_envs, seed=seed)
        return make_vec_env(
            lambda: make_env(config.env), config.n_envs, seed=seed, wrapper_class=wrapper
        )

    if kind != "teacher":
        return make(None)
    teacher = teacher_of(config)
    if isinstance(teacher, LLMTeacher) and not is_local(teacher.model):
        # Questions of all envs are answered side by side, while stepping goes on.
        described = make(GroundingWrapper)
        running = config.running
        return VecTeacher(
            described, teacher, ask=config.teaching.ask, workers=running.workers,
            late_timeout=running.late_timeout,
        )  # fmt: skip
    return make(taught(config))


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
    student = done.student
    if student is not None:
        model = restore(student, model, teacher_of(config) if kind == "teacher" else None)
        console.print(
            f"{STUDENT_NAMES[kind]} seed {seed} goes on from {model.num_timesteps:,} frames"
        )
    before = student.seconds if student else 0.0
    start = time.perf_counter()
    with make_progress(console) as progress:
        label = f"{STUDENT_NAMES[kind]:>10} seed {seed}"
        task = progress.add_task(label, total=config.steps, status="success   0%")
        watch = ProgressCallback(progress, task, earlier)
        if student is not None:
            watch.curve, watch.taught = list(student.curve), list(student.taught)

        def take() -> None:
            if kind == "teacher":
                done.note(teacher_sums(_vec_env(model)), earlier)
            seconds = before + time.perf_counter() - start
            done.student = snapshot(model, kind, seed, watch.curve, watch.taught, seconds)
            if written is not None:
                done.student.curriculum = written[0].saved()

        def write() -> None:
            done.write(config.folder)

        # Measured without a teacher: the student sees the same.
        written = curriculum_for(config)
        if written is not None and student is not None:
            written[0].resume(student.curriculum)
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
    env = _vec_env(model)
    totals = teacher_totals(env, earlier) if kind == "teacher" else {}
    if kind == "teacher":
        done.note(teacher_sums(env), earlier)
    env.close()
    scores = [
        evaluate(
            lambda: make_env(config.env), StudentActor(model, deterministic), config.eval_episodes
        )
        for deterministic in (False, True)
    ]
    return RunResult(
        kind, seed, model.num_timesteps, scores[0], scores[1], seconds, watch.curve, totals,
        watch.taught,
    )  # fmt: skip


def _vec_env(model: PPO) -> VecEnv:
    env = model.get_env()
    assert env is not None
    return env
