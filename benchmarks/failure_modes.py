"""A teacher with the failure modes that were seen in the original LLM4Teach.

Played alone, it walks through lava, picks up and drops the wrong key for ever, and explores along
the outer wall, so that it misses what lies in the middle of a large room. Re-created from the
description of what it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX

from gym_llmteacher import Situation
from gym_llmteacher.groundings.minigrid import DoorKeyGrounding
from gym_llmteacher.groundings.minigrid.known_map import KnownMap, bits
from gym_llmteacher.groundings.minigrid.navigation import FORWARD, RIGHT
from gym_llmteacher.groundings.minigrid.skills import Skills
from gym_llmteacher.groundings.minigrid.things import Thing

RING = 4
"""How far from the rim of the map the exploration looks."""
_LAVA = OBJECT_TO_IDX["lava"]


class FaultySkills(Skills):
    """Options that take the shortest way through anything, and explore along the wall."""

    def explore(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Uncover the rim of the map; when nothing is left there, follow the wall for ever."""
        action = super().explore(targets, cell, heading)
        if action is None:
            free = self.known.walkable >> self.front(cell, heading) & 1
            action = FORWARD if free else RIGHT
        return action


class FaultyGrounding(DoorKeyGrounding):
    """The grounding of the tasks, with `FaultySkills`."""

    def _skills_on(self, cells: np.ndarray[Any, np.dtype[np.uint8]], cell: int) -> Skills:
        skills = super()._skills_on(cells, cell)
        return FaultySkills(with_faults(skills.known, cells), skills.view)


def with_faults(known: KnownMap, observed: np.ndarray[Any, np.dtype[np.uint8]]) -> KnownMap:
    """Return the map of one who does not mind lava and is curious about the rim alone."""
    width, height = observed.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height), indexing="ij")
    rim = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y)) < RING
    return replace(
        known,
        walkable=known.walkable | bits(observed[..., 0] == _LAVA),
        frontier=known.frontier & bits(rim),
    )


def first_key_planner(situation: Situation) -> tuple[str, ...]:
    """Take the first key there is; drop it when it does not fit; take the first key there is.

    >>> grid = np.eye(4, 7, dtype=np.float32)
    >>> options = ("explore", "go to color1 key", "pick up color1 key", "go to color2 key")
    >>> first_key_planner(Situation("...", options, grid, state="The agent holds nothing."))
    ('go to color1 key', 'pick up color1 key')
    """
    plans = {subgoal.name: subgoal.plan for subgoal in situation.subgoals}
    if situation.state == "The agent holds nothing useful.":
        return tuple(option for option in situation.options if option.startswith("drop "))
    if situation.state != "The agent holds nothing.":
        return plans["door"]
    keys = [o for o in situation.options if o.startswith("go to ") and o.endswith("key")]
    return (keys[0], keys[0].replace("go to", "pick up")) if keys else ("explore",)
