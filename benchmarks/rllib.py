"""The taught PPO on Ray RLlib: does it learn, what do late answers save, how does it scale?

::

    make .venv-rllib/.installed
    OMP_NUM_THREADS=1 .venv-rllib/bin/python -m benchmarks.rllib learning [seeds] [frames]
    OMP_NUM_THREADS=1 .venv-rllib/bin/python -m benchmarks.rllib late [rounds]
    OMP_NUM_THREADS=1 .venv-rllib/bin/python -m benchmarks.rllib scaling [rounds]

Each prints a table; `all` prints them all, as they stand in ``benchmarks/results/rllib.md``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np
import ray
import torch as th
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from benchmarks.late_answers import Server, grounding
from gym_llmteacher.learning.coef import default_coef
from gym_llmteacher.rllib import EgoMapRLModule, TaughtEnv, TeacherPPOConfig

DOOR = "LLMTeacher/SimpleDoorKey-v0"
BATCH = 1024
SECONDS = 0.3
"""Of the slow model's answers."""


@contextmanager
def cluster() -> Iterator[None]:
    """Ray on two cores; nothing is left behind."""
    # Its own default, 15, has the runners wait for whatever else this machine does.
    os.environ.update(RAY_worker_niceness="0")
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20,
        logging_level="error", log_to_driver=False,
    )  # fmt: skip
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def built(config: TeacherPPOConfig) -> Iterator[Any]:
    algorithm = config.build_algo()
    try:
        yield algorithm
    finally:
        algorithm.stop()


def door(runners: int, frames: int, seed: int) -> TeacherPPOConfig:
    """SimpleDoorKey with the hyperparameters of examples/quickstart.py."""
    return (
        TeacherPPOConfig()
        .environment(TaughtEnv, env_config={"env": DOOR})
        .env_runners(num_env_runners=runners, num_envs_per_env_runner=8 // max(1, runners))
        .rl_module(rl_module_spec=RLModuleSpec(module_class=EgoMapRLModule))
        .training(
            teacher_coef=default_coef(frames), train_batch_size_per_learner=BATCH,
            minibatch_size=128, num_epochs=8, lr=1e-3, lambda_=0.95, clip_param=0.2,
            entropy_coeff=0.001, vf_loss_coeff=0.5, grad_clip=0.5, use_kl_loss=False,
        )
        .debugging(seed=seed, log_level="ERROR")
    )  # fmt: skip


def played(algorithm: Any, episodes: int = 200) -> float:
    """Share of episodes that the student solves alone, drawing its actions; bare envs."""
    module = algorithm.learner_group._learner.module["default_policy"]
    env = gym.make(DOOR)
    won, rng = [], th.Generator().manual_seed(0)
    for episode in range(episodes):
        obs, _ = env.reset(seed=1_000_000 + episode)
        over = False
        while not over:
            with th.no_grad():
                logits = module.forward_train({"obs": th.as_tensor(obs)[None]})
            chances = logits["action_dist_inputs"].softmax(-1)
            action = int(th.multinomial(chances, 1, generator=rng))
            obs, reward, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
        won.append(float(reward) > 0)
    return float(np.mean(won))


def learning(seeds: int = 3, frames: int = 60_000) -> None:
    """Two runners, one actor with the embedded language model."""
    head("seed", "runners", "frames", "success, untaught start", "at half", "at the end",
         "requests", "seconds")  # fmt: skip
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder, cluster():
            config = door(2, frames, seed)
            config.teacher(answers=str(Path(folder) / "answers.sqlite"), late_timeout=30.0)
            with built(config) as algorithm:
                shares, start = [played(algorithm)], time.perf_counter()
                steps, result = 0, {}
                while steps < frames:
                    result = algorithm.train()
                    steps = int(result["env_runners"]["num_env_steps_sampled_lifetime"])
                    if len(shares) == 1 and steps >= frames / 2:
                        shares.append(played(algorithm))
                seconds = time.perf_counter() - start
                shares.append(played(algorithm))
            line(seed, 2, f"{steps:,}", *[f"{share:.1%}" for share in shares],
                 int(result["teacher"]["calls"]), f"{seconds:.0f}")  # fmt: skip


def pole(server: Server, folder: str, workers: int) -> TeacherPPOConfig:
    """CartPole in words, of which new ones keep coming up."""
    config = (
        TeacherPPOConfig()
        .environment(TaughtEnv, env_config={"env": "CartPole-v1", "grounding": grounding()})
        .env_runners(num_env_runners=2, num_envs_per_env_runner=4)
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[64]))
        .training(
            teacher_coef=1.0, train_batch_size_per_learner=BATCH, minibatch_size=128,
            num_epochs=8, lr=1e-3, use_kl_loss=False,
        )
        .debugging(seed=0, log_level="ERROR")
    )  # fmt: skip
    answers = str(Path(folder) / "answers.sqlite")
    return config.teacher(
        {**server.model, "samples": 1, "elicitation": "samples"}, workers=workers, answers=answers
    )


def late(rounds: int = 3) -> None:
    """Answers that take 0.3 s: in the background, and waited for one by one."""
    rows: dict[str, list[tuple[float, float, int]]] = {}
    with Server(SECONDS) as server, cluster():
        for _ in range(rounds):
            for name, workers in (("late, 64 workers", 64), ("blocking", 0)):
                with tempfile.TemporaryDirectory() as folder:
                    rows.setdefault(name, []).append(speed(server, folder, workers))
    head("answers take 0.3 s", "frames/s", "of blocking", "coverage", "requests")
    base = median(row[0] for row in rows["blocking"])
    for name, turns in rows.items():
        fps = median(turn[0] for turn in turns)
        line(name, f"{fps:.0f}", f"{fps / base:.1f}", f"{median(t[1] for t in turns):.0%}",
             f"{median(t[2] for t in turns):,.0f}")  # fmt: skip


def speed(server: Server, folder: str, workers: int, iterations: int = 3) -> tuple[Any, ...]:
    with built(pole(server, folder, workers)) as algorithm:
        before, start = server.requests(), time.perf_counter()
        results = [algorithm.train() for _ in range(iterations)]
        seconds = time.perf_counter() - start
    shares = [r["learners"]["default_policy"]["teacher_coverage"] for r in results]
    return iterations * BATCH / seconds, float(np.mean(shares)), server.requests() - before


@dataclass
class Turn:
    """One measurement of some iterations; seconds per iteration, of `BATCH` frames each."""

    whole: float
    cpu: dict[str, float]
    memory: dict[str, float]


def scaling(rounds: int = 3) -> None:
    """One and two runners on two cores: what an iteration takes, and each process of it.

    Eight envs in all. CPU seconds hardly depend on what else the machine does.
    """
    turns: dict[int, list[Turn]] = {1: [], 2: []}
    for _ in range(rounds):
        for runners, measured in turns.items():
            with tempfile.TemporaryDirectory() as folder, cluster():
                config = door(runners, 10**9, 0)
                config.teacher(answers=str(Path(folder) / "answers.sqlite"), late_timeout=30.0)
                with built(config) as algorithm:
                    measured.append(turn(algorithm))
    head("runners", "frames/s", "an iteration", *[f"CPU: {name}" for name in NAMES])
    cpu: dict[int, list[float]] = {}
    for runners, measured in turns.items():
        whole = median(t.whole for t in measured)
        cpu[runners] = [median(t.cpu[name] for t in measured) for name in NAMES]
        line(runners, f"{BATCH / whole:,.0f}", f"{whole:.2f} s",
             *[f"{value:.2f} s" for value in cpu[runners]])  # fmt: skip
    print()
    head("process", "resident memory")
    for name in NAMES:
        line(name, f"{median(t.memory[name] for t in turns[2]):,.0f} MB")
    print()
    driver, all_runners, _ = cpu[1]
    head("runners, a core each", "frames/s, calculated", "with a learner twice as fast")
    for runners in (1, 2, 4, 8, 16, 32):
        line(runners, *[f"{BATCH / (all_runners / runners + driver / k):,.0f}" for k in (1, 2)])


def turn(algorithm: Any, iterations: int = 4) -> Turn:
    for _ in range(2):
        algorithm.train()  # warm
    before, start = spent(), time.perf_counter()
    for _ in range(iterations):
        algorithm.train()
    whole = (time.perf_counter() - start) / iterations
    after = spent()
    return Turn(
        whole,
        {name: (after[name][0] - before[name][0]) / iterations for name in NAMES},
        {name: after[name][1] for name in NAMES},
    )


NAMES = ("learner, in the driver", "all runners", "the teacher's actor")


def spent() -> dict[str, tuple[float, float]]:
    """By process: CPU seconds so far, and resident memory in MB (of runners: of one)."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            title = (path / "cmdline").read_bytes().decode(errors="replace")
            ticks = (path / "stat").read_text().rpartition(")")[2].split()[11:13]
            pages = int((path / "statm").read_text().split()[1])
        except OSError:
            continue
        cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        row = (cpu, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
        if path.name == str(os.getpid()):
            found[NAMES[0]].append(row)
        elif title.startswith("ray::TeacherEnvRunner"):
            found[NAMES[1]].append(row)
        elif title.startswith("ray::") and "teacher" in title.lower():
            found[NAMES[2]].append(row)
    return {
        name: (sum(cpu for cpu, _ in rows), median(size for _, size in rows))
        for name, rows in found.items()
    }


def head(*names: str) -> None:
    line(*names)
    print("|---" * len(names) + "|")


def line(*cells: Any) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


COMMANDS = {"learning": learning, "late": late, "scaling": scaling}


def main() -> None:
    name, *numbers = sys.argv[1:] or ["all"]
    for command in COMMANDS if name == "all" else [name]:
        print(f"\n<!-- python -m benchmarks.rllib {' '.join([command, *numbers])} -->")
        COMMANDS[command](*map(int, numbers))


if __name__ == "__main__":
    main()
