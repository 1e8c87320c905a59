"""Make an env of its id, ready for the command line's students."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from minigrid.minigrid_env import MiniGridEnv  # registers MiniGrid's and BabyAI's levels

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.wrappers.grounding import GroundingWrapper
from gym_llmteacher.wrappers.map_memory import MapMemory
from gym_llmteacher.wrappers.success import SuccessInfo


def make_env(env_id: str, **kwargs: Any) -> gym.Env[Any, Any]:
    """Make an env; one that gives MiniGrid's partial views gives the map of what was seen instead.

    Infos say ``is_success`` where the env or its grounding can tell.

    >>> make_env("BabyAI-GoToLocal-v0").observation_space.shape
    (21, 21, 5)
    """
    env = gym.make(env_id, **kwargs)
    if isinstance(env.unwrapped, MiniGridEnv) and isinstance(
        env.observation_space, gym.spaces.Dict
    ):
        env = MapMemory(env)
    return SuccessInfo(env)


def tasks_of(env_id: str, episodes: int = 200) -> tuple[str, ...]:
    """What a teacher is told to do in an env: one task, or one for each mission that comes up.

    :param episodes: how many are begun to see

    >>> tasks_of("FrozenLake-v1")
    ('reach the goal and fall into no hole',)
    """
    env = GroundingWrapper(make_env(env_id))
    tasks = set()
    for seed in range(episodes):
        here = env.reset(seed=seed)[1]["teacher_situation"]
        for situation in here if isinstance(here, tuple) else (here,):
            tasks.add(situation.task)
    env.close()
    if not all(tasks):
        raise GroundingError(f"the grounding of {env_id} gives no task. Cure: filter by --text.")
    return tuple(sorted(tasks))
