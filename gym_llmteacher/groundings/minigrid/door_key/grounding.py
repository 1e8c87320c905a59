"""The door-key tasks in words and options (the paper's mediator, arXiv 2311.13373, sec. 3).

Only what the agent knows is read: its map, its pose and what it holds, all from the observation.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX

from gym_llmteacher.envs.visibility import VIEW
from gym_llmteacher.groundings.minigrid.door_key.scene import describe as describe_scene
from gym_llmteacher.groundings.minigrid.known_map import known_map
from gym_llmteacher.groundings.minigrid.map_grounding import MapGrounding
from gym_llmteacher.groundings.minigrid.skills import Skills
from gym_llmteacher.groundings.minigrid.things import look_of
from gym_llmteacher.situation import Situation

Map = np.ndarray[Any, np.dtype[np.uint8]]

_EMPTY = OBJECT_TO_IDX["empty"]
_MOST_KEPT = 20_000


class DoorKeyGrounding(MapGrounding[Skills]):
    """Door-key tasks seen through a map ``(width, height, 4)``, as ``LLMTeacher/*`` envs give it.

    Things of one kind and several colours are named ``color1 key``, ``color2 key`` in order of
    appearance in the episode; where colours do not matter they are left out. Both make texts equal
    that mean the same, so that one answer serves them all.

    Example::

        >>> import gymnasium as gym
        >>> env = gym.make("LLMTeacher/SimpleDoorKey-v0")
        >>> obs, _ = env.reset(seed=0)
        >>> DoorKeyGrounding().describe(env, obs).state
        'The agent holds nothing.'
    """

    example = """\
Task: "get the egg, then use the pan"
Situation: "Agent sees <egg>. Agent holds <nothing>."
Options:
- explore
- go to egg
- pick up egg
1. The agent sees the egg and holds nothing.
2. The egg is needed first and is in sight, so the agent should get it.
3. Action: {go to egg, pick up egg}"""

    def __init__(self) -> None:
        super().__init__()
        self._colors: tuple[str, ...] = ()
        self._described: dict[bytes, tuple[Situation, Any]] = {}

    def reset(self, env: gym.Env[Any, Any]) -> None:
        """Forget the colours and the map of the last episode."""
        self._colors = ()
        self._kept = self._aims = None
        self._described = {}

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Describe the map; equal observations of an episode are described once."""
        observed: Map = env.unwrapped.memory  # type: ignore[attr-defined]
        key = observed.tobytes()
        known = self._described.get(key)
        if known is None:
            if len(self._described) >= _MOST_KEPT:
                self._described = {}
            task: str = env.unwrapped.mission  # type: ignore[attr-defined]
            known = self._described[key] = (self._describe(task, observed), self._aims)
        situation, self._aims = known
        return situation

    def _describe(self, task: str, observed: Map) -> Situation:
        cell = int(observed[:, :, 3].argmax())
        kind, color, _, heading = observed.reshape(-1, 4)[cell].tolist()
        held = look_of(kind, color) if kind != _EMPTY else None
        cells = observed[:, :, :3].copy()
        # The agent's own cell is empty, whatever is drawn there.
        cells.reshape(-1, 3)[cell] = (_EMPTY, 0, 0)
        skills = self._keep_skills(cells.tobytes(), partial(self._skills_on, cells, cell))
        things = skills.known.things
        seen = tuple([thing.look for thing in things])
        for look in (*seen, held) if held else seen:
            if look.color not in self._colors:
                self._colors = (*self._colors, look.color)
        words = describe_scene(seen, held, self._colors)
        return self._situation(task, words, skills, things, (cell, heading - 1))

    def _skills_on(self, cells: Map, cell: int) -> Skills:
        """Options on a map, for an agent in this cell."""
        return Skills(known_map(cells, cell), view=VIEW)
