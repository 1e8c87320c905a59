"""MiniGrid's door-key tasks in words and options (the paper's mediator, arXiv 2311.13373, sec. 3).

Only what the agent knows is read: its map, its pose and what it holds, all from the observation.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.core.constants import IDX_TO_COLOR, IDX_TO_OBJECT

from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.minigrid.known_map import known_map
from gym_llmteacher.groundings.minigrid.options import N_ACTIONS, Skills
from gym_llmteacher.groundings.minigrid.words import Look
from gym_llmteacher.groundings.minigrid.words import describe as describe_scene
from gym_llmteacher.option_actions import LazyRows
from gym_llmteacher.situation import Situation

_EMPTY = 1
_MOST_KEPT = 20_000


class MiniGridGrounding(Grounding):
    """Door-key tasks seen through a map ``(width, height, 4)``, as ``LLMTeacher/*`` envs give it.

    Things of one kind and several colours are named ``color1 key``, ``color2 key`` in order of
    appearance in the episode; where colours do not matter they are left out. Both make texts equal
    that mean the same, so that one answer serves them all.

    Example::

        >>> import gymnasium as gym
        >>> env = gym.make("LLMTeacher/SimpleDoorKey-v0")
        >>> obs, _ = env.reset(seed=0)
        >>> MiniGridGrounding().describe(env, obs).state
        'The agent holds nothing.'
    """

    examples = (
        "Task: get the egg, then use the pan.\n"
        "Agent sees <egg>. Agent holds <nothing>.\n"
        "Options: explore, go to <egg>, pick up <egg>.\n"
        "1. The agent sees the egg and holds nothing.\n"
        "2. The egg is needed first and is in sight, so the agent should get it.\n"
        "3. Action: {go to <egg>, pick up <egg>}"
    )

    def __init__(self) -> None:
        self._colors: tuple[str, ...] = ()
        self._skills: tuple[bytes, int, Skills] | None = None
        self._kept: dict[bytes, Situation] = {}

    def reset(self, env: gym.Env[Any, Any]) -> None:
        """Forget the colours and the map of the last episode."""
        self._colors = ()
        self._skills = None
        self._kept = {}

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Describe the map; equal observations of an episode are described once."""
        observed: np.ndarray[Any, np.dtype[np.uint8]] = env.unwrapped.memory  # type: ignore[attr-defined]
        key = observed.tobytes()
        situation = self._kept.get(key)
        if situation is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept = {}
            situation = self._kept[key] = self._describe(env, observed)
        return situation

    def _describe(
        self, env: gym.Env[Any, Any], observed: np.ndarray[Any, np.dtype[np.uint8]]
    ) -> Situation:
        height = observed.shape[1]
        cell = int(observed[:, :, 3].argmax())
        x, y = divmod(cell, height)
        kind, color, _, heading = observed[x, y].tolist()
        heading -= 1
        skills = self._skills_for(observed, cell)
        held = Look(IDX_TO_OBJECT[kind], IDX_TO_COLOR[color]) if kind != _EMPTY else None
        task: str = env.unwrapped.mission  # type: ignore[attr-defined]
        return self._situation(task, skills, held, cell, heading)

    def _skills_for(self, observed: np.ndarray[Any, np.dtype[np.uint8]], cell: int) -> Skills:
        """Return the options on this map, kept from the last step while the map is the same."""
        cells = observed[:, :, :3].copy()
        cells.reshape(-1, 3)[cell] = (_EMPTY, 0, 0)
        key = cells.tobytes()
        if self._skills is None or self._skills[0] != key:
            # The agent's cell is empty either way: it does not change what is known.
            self._skills = (key, cell, Skills(known_map(cells, cell)))
        return self._skills[2]

    def _situation(
        self, task: str, skills: Skills, held: Look | None, cell: int, heading: int
    ) -> Situation:
        things = skills.known.things
        seen = tuple([thing.look for thing in things])
        for look in (*seen, held) if held else seen:
            if look.color not in self._colors:
                self._colors = (*self._colors, look.color)
        words = describe_scene(seen, held, self._colors)
        rules = [
            partial(getattr(skills, skill), [things[i] for i in targets], cell, heading)
            for skill, targets in words.skills
        ]
        return Situation(
            text=words.text,
            options=words.options,
            option_actions=LazyRows(N_ACTIONS, rules),
            task=task,
            state=words.state,
            subgoals=words.subgoals,
        )
