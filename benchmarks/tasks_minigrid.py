"""MiniGrid, BabyAI and Toy Text tasks of the comparison: published levels, published views.

The student sees its own map of what it has seen (`MapMemory`), with and without a teacher alike.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import minigrid  # noqa: F401  (registers MiniGrid's envs)

from benchmarks.tasks import Task
from gym_llmteacher import MapMemory, ScriptedTeacher
from gym_llmteacher.experiments.config import ppo_arguments

LEVELS = {
    "MiniGrid-MultiRoom-N4-S5-v1": 30_000,
    "MiniGrid-LockedRoom-v0": 60_000,
    "MiniGrid-ObstructedMaze-2Dlh-v0": 120_000,
    "MiniGrid-DoorKey-8x8-v0": 30_000,
    "MiniGrid-FourRooms-v0": 30_000,
    "MiniGrid-KeyCorridorS3R3-v0": 60_000,
    "MiniGrid-LavaCrossingS9N2-v0": 30_000,
    "MiniGrid-SimpleCrossingS9N3-v0": 30_000,
    "MiniGrid-UnlockPickup-v0": 30_000,
    "BabyAI-GoToLocal-v0": 30_000,
    "BabyAI-PickupLoc-v0": 30_000,
}
TOY_TEXT = {
    "FrozenLake8x8-v1": ("frozen_lake_planner", 60_000),  # not slippery, so that 90 % can be had
    "Taxi-v4": ("taxi_planner", 60_000),
    "CliffWalking-v1": ("cliff_walking_planner", 40_000),
}


class Arrival(gym.Wrapper[Any, Any, Any, Any]):
    """Success is to arrive in time: in CliffWalking and Taxi most or all rewards are negative."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated, truncated, {**info, "is_success": terminated}


def level(name: str, steps: int) -> Task:
    """A level of MiniGrid or BabyAI."""
    return Task(
        name,
        lambda: MapMemory(gym.make(name), radius=8),
        steps,
        eval_every=steps // 6,
        episodes=40,
        expert=lambda: ScriptedTeacher.named("mission_planner"),
        ppo=ppo_arguments(map_like=True),
    )


def toy_text(name: str, script: str, steps: int) -> Task:
    """A Toy Text env."""

    def make() -> gym.Env[Any, Any]:
        if name == "FrozenLake8x8-v1":
            return gym.make(name, is_slippery=False)
        return Arrival(gym.make(name, max_episode_steps=200))

    return Task(
        name,
        make,
        steps,
        eval_every=4096,
        expert=lambda: ScriptedTeacher.named(script),
        ppo=ppo_arguments(map_like=False),
    )


MINIGRID_TASKS = {name: level(name, steps) for name, steps in LEVELS.items()} | {
    name: toy_text(name, script, steps) for name, (script, steps) in TOY_TEXT.items()
}
