"""Steps per CPU-second: the bare env, described, and described with the planner's options.

The original environment of the paper ran at 11.6k steps per CPU-second on the machine where its
baselines were measured (86 µs a step). Run with OMP_NUM_THREADS=1::

    python benchmarks/env_speed.py [steps]
"""

from __future__ import annotations

import sys
import time

import gymnasium as gym
import numpy as np

from gym_llmteacher import LLMTeacherWrapper
from gym_llmteacher.envs import TASKS, env_id


def play(env: gym.Env, steps: int, follow: float) -> float:
    """Microseconds of CPU per step, resets included; ``follow``: share of the prior's actions."""
    rng = np.random.default_rng(0)
    draws, actions = rng.random(steps), rng.integers(0, 7, steps)
    _, info = env.reset(seed=0)
    start = time.process_time()
    for draw, action in zip(draws, actions, strict=True):
        best = int(info["teacher_prior"].argmax()) if draw < follow else int(action)
        *_, terminated, truncated, info = env.step(best)
        if terminated or truncated:
            _, info = env.reset()
    return 1e6 * (time.process_time() - start) / steps


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print("| task | env alone | of that, per second | described, random play | described, 90 % the "
          "planner's actions |\n|---|---|---|---|---|")  # fmt: skip
    for task in TASKS:
        bare = gym.make(env_id(task)).unwrapped
        taught = LLMTeacherWrapper(gym.make(env_id(task)).unwrapped, {"script": "door_key_planner"})
        play(taught, 500, 0.9)
        alone = play(bare, steps, 0.0)
        print(
            f"| {task} | {alone:.1f} µs | {1e6 / alone:,.0f} steps | "
            f"{play(taught, steps, 0.0):.1f} µs | {play(taught, steps, 0.9):.1f} µs |"
        )


if __name__ == "__main__":
    main()
