"""How often the scripted planner solves each task, and a planner that sees the whole map.

Run: ``python benchmarks/planner_success.py [episodes]``
"""

from __future__ import annotations

import sys

import gymnasium as gym
import numpy as np

from gym_llmteacher.envs import TASKS, env_id
from gym_llmteacher.groundings.minigrid import DoorKeyGrounding
from gym_llmteacher.prior import prior_from
from gym_llmteacher.teachers.scripted import ScriptedTeacher


def play(task: str, seed: int, sees_all: bool) -> tuple[bool, float, int]:
    """One episode of the planner; returns success, return and length."""
    env = gym.make(env_id(task)).unwrapped
    obs, _ = env.reset(seed=seed)
    grounding, teacher = DoorKeyGrounding(), ScriptedTeacher.named("door_key_planner")
    grounding.reset(env)
    if sees_all:
        here = env.memory[..., 3] > 0
        env.memory[..., :3] = np.where(here[..., None], env.memory[..., :3], env._cells)
    terminated = truncated = False
    while not (terminated or truncated):
        situation = grounding.describe(env, obs)
        prior, _ = prior_from(teacher.advise([situation])[0], situation)
        obs, reward, terminated, truncated, info = env.step(int(prior.argmax()))
    return info["is_success"], reward, env.step_count


def main() -> None:
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print("| task | planner | success | return | length |\n|---|---|---|---|---|")
    for task in TASKS:
        for sees_all in (False, True):
            results = np.array([play(task, seed, sees_all) for seed in range(episodes)])
            success, mean_return, length = results.mean(axis=0)
            kind = "sees the whole map" if sees_all else "sees 3×3"
            print(f"| {task} | {kind} | {success:.3f} | {mean_return:.3f} | {length:.1f} |")


if __name__ == "__main__":
    main()
