"""Groundings for MiniGrid: the agent's map in words, options as shortest paths.

Two rooms, and what both use::

    door_key/   LLMTeacher/*: one room, 3x3 view, the observation is the whole map
    missions/   MiniGrid's and BabyAI's levels: a mission, several rooms, partial views
    things, words, known_map, navigation, explore, skills, map_grounding: serve both

A new level goes to ``missions/``; ``door_key/`` is the paper's setting and stays as it is, word for
word, so that results can be compared. What is in both rooms, and why:

=========  ======================  ========================  =======================================
what       door_key/               missions/                 why two, and which one to extend
=========  ======================  ========================  =======================================
grounding  ``DoorKeyGrounding``    ``MissionGrounding``      The map comes from the observation, or
                                                             from memory and mission. Extend what
                                                             they share: ``MapGrounding``.
scene      every key and door in   what matters for the      Other texts and subgoals. Sentences,
           sight; a cached         mission: ``labels.py``    option names and plans are shared: new
           function of a few       chooses it                ones go to ``words.py``, new rules to
           dozen scenes                                      ``missions/scene.py``.
skills     ``Skills``, shared      ``RoomSkills(Skills)``    Several rooms need more: doors on the
                                                             way, goals, passages kept free. What
                                                             makes sense in one room goes to
                                                             ``Skills``, else to ``RoomSkills``.
memory     none: the env keeps it  ``ViewMemory`` (map),     Partial views have to be put together.
                                   ``AgentMemory`` (+ how    Both end in one ``KnownMap``: extend
                                   far the mission is)       that to know more of a map.
sight      ``explore.by_table``    ``explore.by_row``        One rule (``envs/visibility.py``), one
                                                             search (``best_looks``). The table is
                                                             the fast way of a 3x3 view, and must
                                                             count the same: extend ``by_row``.
=========  ======================  ========================  =======================================
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from minigrid.envs import DynamicObstaclesEnv, MemoryEnv, PlaygroundEnv
from minigrid.minigrid_env import MiniGridEnv

from gym_llmteacher.envs.memory import MemoryGridEnv
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.minigrid.door_key.grounding import (
    DoorKeyGrounding as DoorKeyGrounding,
)
from gym_llmteacher.groundings.minigrid.missions.grounding import (
    MissionGrounding as MissionGrounding,
)

# Things move by themselves; what is to be done is not in sight when it matters; no mission.
_WITHOUT = (DynamicObstaclesEnv, MemoryEnv, PlaygroundEnv)


def supports(env: gym.Env[Any, Any]) -> bool:
    """Whether there is a grounding for this env here."""
    return isinstance(env.unwrapped, MiniGridEnv) and not isinstance(env.unwrapped, _WITHOUT)


def grounding_for(env: gym.Env[Any, Any]) -> Grounding:
    """Return a fresh grounding for an env that is supported."""
    return DoorKeyGrounding() if isinstance(env.unwrapped, MemoryGridEnv) else MissionGrounding()
