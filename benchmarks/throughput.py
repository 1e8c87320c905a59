"""Frames per second of TeacherPPO on the wrapped env against PPO on the bare one.

Both train in turns in one process, with the same network and hyperparameters; the teacher is the
embedded language model with a warm answers file (or a script). Run with OMP_NUM_THREADS=1::

    python benchmarks/throughput.py [task] [rounds]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from stable_baselines3 import PPO

from gym_llmteacher.envs import env_id
from gym_llmteacher.experiments.config import ComparisonConfig
from gym_llmteacher.experiments.train import make_student

STEPS = 8 * 128 * 4
"""Frames per turn: four rollouts of eight envs."""


def turn(model: PPO) -> float:
    """Frames per CPU-second over one turn."""
    start = time.process_time()
    model.learn(STEPS, reset_num_timesteps=False)
    return STEPS / (time.process_time() - start)


def main() -> None:
    task = sys.argv[1] if len(sys.argv) > 1 else "SimpleDoorKey"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    with tempfile.TemporaryDirectory() as folder:
        # A constant coefficient: the teacher is asked and followed in every rollout.
        config = ComparisonConfig(env=env_id(task), coef=1.0, out=str(Path(folder)))
        models = {arm: make_student(config, arm, seed=0) for arm in config.arms}
        for model in models.values():
            turn(model)  # warm: answers file filled, memory allocated
        speeds = {arm: [] for arm in models}
        for i in range(rounds):
            for arm in sorted(models, reverse=bool(i % 2)):
                speeds[arm].append(turn(models[arm]))
    ratios = np.array(speeds["teacher"]) / np.array(speeds["ppo"])
    draws = np.random.default_rng(0).choice(ratios, (10_000, rounds)).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    print("| task | PPO, bare env | TeacherPPO, wrapped env | ratio (95 % interval) |")
    print("|---|---|---|---|")
    print(
        f"| {task} | {np.mean(speeds['ppo']):,.0f} frames/cpu-s | "
        f"{np.mean(speeds['teacher']):,.0f} frames/cpu-s | "
        f"{ratios.mean():.2f} ({low:.2f} to {high:.2f}) |"
    )


if __name__ == "__main__":
    main()
