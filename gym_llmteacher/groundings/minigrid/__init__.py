"""Grounding for MiniGrid tasks: map in words, options as shortest paths."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from gym_llmteacher.envs.memory import MemoryGridEnv
from gym_llmteacher.groundings.minigrid.grounding import MiniGridGrounding as MiniGridGrounding


def supports(env: gym.Env[Any, Any]) -> bool:
    """Whether `MiniGridGrounding` can describe this env."""
    return isinstance(env.unwrapped, MemoryGridEnv)
