"""Grounding for MiniGrid tasks: map in words, options as shortest paths."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from minigrid.envs import DynamicObstaclesEnv, MemoryEnv, PlaygroundEnv
from minigrid.minigrid_env import MiniGridEnv

from gym_llmteacher.envs.memory import MemoryGridEnv
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.minigrid.grounding import MiniGridGrounding as MiniGridGrounding
from gym_llmteacher.groundings.minigrid.mission_grounding import (
    MissionGrounding as MissionGrounding,
)

# Things move by themselves; what is to be done is not in sight when it matters; no mission.
_WITHOUT = (DynamicObstaclesEnv, MemoryEnv, PlaygroundEnv)


def supports(env: gym.Env[Any, Any]) -> bool:
    """Whether there is a grounding for this env here."""
    return isinstance(env.unwrapped, MiniGridEnv) and not isinstance(env.unwrapped, _WITHOUT)


def grounding_for(env: gym.Env[Any, Any]) -> Grounding:
    """Return a fresh grounding for an env that is supported."""
    return MiniGridGrounding() if isinstance(env.unwrapped, MemoryGridEnv) else MissionGrounding()
