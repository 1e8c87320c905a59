"""Train one student, or the same students over several arms and seeds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import gymnasium as gym
from rich.console import Console
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher.experiments.config import ARM_NAMES, Arm, ComparisonConfig, ppo_arguments
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import Evaluation, evaluate, student_actor
from gym_llmteacher.experiments.progress import ProgressCallback, make_progress
from gym_llmteacher.sb3.ppo import TeacherPPO
from gym_llmteacher.sb3.telemetry import teacher_totals
from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper


@dataclass
class RunResult:
    """What one run gave; ``seconds`` is wall time of training alone."""

    arm: Arm
    seed: int
    frames: int
    sampled: Evaluation
    greedy: Evaluation
    seconds: float
    curve: list[tuple[int, float]]
    teacher: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def taught(config: ComparisonConfig) -> Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]:
    """Return a function that wraps an env with the comparison's teacher."""
    answers = config.folder / "answers.sqlite"

    def wrap(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        return LLMTeacherWrapper(
            env, teacher=config.teacher, answers=answers, elicitation=config.elicitation
        )

    return wrap


def is_map(env_id: str) -> bool:
    """Whether the env's observations are small maps of integer codes."""
    space = make_env(env_id).observation_space
    if not isinstance(space, gym.spaces.Box) or len(space.shape) != 3:
        return False
    return float(space.high.max()) < 64


def make_student(config: ComparisonConfig, arm: Arm, seed: int, verbose: int = 0) -> PPO:
    """Make an untrained student: the same PPO in every arm, with a teacher or without."""
    arguments: dict[str, Any] = {**ppo_arguments(is_map(config.env)), "seed": seed}
    policy = arguments.pop("policy")
    wrapper = taught(config) if arm == "teacher" else None
    env = make_vec_env(
        lambda: make_env(config.env), config.n_envs, seed=seed, wrapper_class=wrapper
    )
    if arm == "teacher":
        return TeacherPPO(
            policy, env, teacher_coef=config.coef, device="cpu", verbose=verbose, **arguments
        )
    return PPO(policy, env, device="cpu", verbose=verbose, **arguments)


def train_all(config: ComparisonConfig, console: Console) -> list[RunResult]:
    """Train every arm on every seed and save each student as ``<arm>-<seed>.zip``."""
    config.folder.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in config.seeds:
        for arm in config.arms:
            results.append(_train_one(config, arm, seed, console))
    return results


def _train_one(config: ComparisonConfig, arm: Arm, seed: int, console: Console) -> RunResult:
    model = make_student(config, arm, seed)
    with make_progress(console) as progress:
        label = f"{ARM_NAMES[arm]:>10} seed {seed}"
        task = progress.add_task(label, total=config.steps, status="success   0%")
        callback = ProgressCallback(progress, task)
        start = time.perf_counter()
        model.learn(config.steps, callback=callback)
        seconds = time.perf_counter() - start
        progress.update(task, completed=model.num_timesteps)
    model.save(config.folder / f"{arm}-{seed}.zip")
    env = model.get_env()
    assert env is not None
    totals = teacher_totals(env) if arm == "teacher" else {}
    env.close()
    scores = [
        evaluate(
            lambda: make_env(config.env), student_actor(model, deterministic), config.eval_episodes
        )
        for deterministic in (False, True)
    ]
    return RunResult(
        arm, seed, model.num_timesteps, scores[0], scores[1], seconds, callback.curve, totals
    )
