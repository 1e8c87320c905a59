"""Make an env of its id, ready for the command line's students."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from minigrid.minigrid_env import MiniGridEnv  # registers MiniGrid's and BabyAI's levels

from gym_llmteacher.wrappers.map_memory import MapMemory


def make_env(env_id: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make an env; one that gives MiniGrid's partial views gives the map of what was seen instead.

    >>> make_env("BabyAI-GoToLocal-v0").observation_space.shape
    (21, 21, 5)
    """
    env = gym.make(env_id, **kwargs)
    if isinstance(env.unwrapped, MiniGridEnv) and isinstance(
        env.observation_space, gym.spaces.Dict
    ):
        return MapMemory(env)
    return env
