"""MiniGrid's door-key tasks in words and options (the paper's mediator, arXiv 2311.13373, sec. 3).

Only what the agent knows is read: its map, its pose and what it holds, all from the observation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.core.constants import IDX_TO_COLOR, IDX_TO_OBJECT

from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.minigrid.known_map import KnownMap, Thing, known_map
from gym_llmteacher.groundings.minigrid.options import N_ACTIONS, Skills
from gym_llmteacher.option_actions import LazyRows
from gym_llmteacher.situation import Need, Situation

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
        self._colors: list[str] = []
        self._skills: tuple[bytes, int, Skills] | None = None
        self._kept: dict[bytes, Situation] = {}

    def reset(self, env: gym.Env[Any, Any]) -> None:
        """Forget the colours and the map of the last episode."""
        self._colors = []
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
        known = skills.known
        held = Thing(IDX_TO_OBJECT[kind], IDX_TO_COLOR[color], -1) if kind != _EMPTY else None
        task: str = env.unwrapped.mission  # type: ignore[attr-defined]
        return self._situation(task, skills, known, held, cell, heading)

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
        self,
        task: str,
        skills: Skills,
        known: KnownMap,
        held: Thing | None,
        cell: int,
        heading: int,
    ) -> Situation:
        everything = [*known.things, *([held] if held else [])]
        colored = len({thing.color for thing in everything if thing.kind == "key"}) > 1 or (
            len({thing.color for thing in everything}) > 1
        )
        for thing in everything:
            if thing.color not in self._colors:
                self._colors.append(thing.color)
        # Once two colours have been seen, colours matter for the rest of the episode.
        colored = colored or len(self._colors) > 1

        def name(thing: Thing) -> str:
            if not colored:
                return thing.kind
            return f"color{self._colors.index(thing.color) + 1} {thing.kind}"

        seen: dict[str, list[Thing]] = {}
        for thing in sorted(known.things, key=lambda t: (t.kind != "key", name(t))):
            seen.setdefault(name(thing), []).append(thing)

        rules: dict[str, Callable[[], int | None]] = {
            "explore": partial(skills.explore, cell, heading)
        }
        for label, things in seen.items():
            rules[f"go to {label}"] = partial(skills.go_to, things, cell, heading)
            kind = things[0].kind
            if kind != "door" and held is None:
                rules[f"pick up {label}"] = partial(skills.pick_up, things, cell, heading)
            if kind == "door" and _fits(held, things[0]):
                rules[f"open {label}"] = partial(skills.open, things, cell, heading)
        if held is not None:
            rules[f"drop {name(held)}"] = partial(skills.drop, cell, heading)

        doors = [thing for thing in known.things if thing.kind == "door"]
        sees = ", ".join(f"<{label}>" for label in seen) or "<nothing>"
        holds = name(held) if held else "nothing"
        return Situation(
            text=f"Agent sees {sees}. Agent holds <{holds}>.",
            options=tuple(rules),
            option_actions=LazyRows(N_ACTIONS, list(rules.values())),
            task=task,
            state=_state(held, doors),
            needs=(
                Need("key", _key_plan(held, seen, doors, name)),
                Need("door", _door_plan(held, seen)),
            ),
        )


def _fits(held: Thing | None, door: Thing) -> bool:
    """Whether the door can be opened with what is held."""
    if not door.is_locked:
        return not door.is_open
    return held is not None and held.kind == "key" and held.color == door.color


def _state(held: Thing | None, doors: Sequence[Thing]) -> str:
    if held is None:
        return "The agent holds nothing."
    if held.kind == "key" and doors and not any(_fits(held, door) for door in doors):
        return "The agent holds nothing useful."
    return f"The agent holds the {held.kind}."


def _key_plan(
    held: Thing | None, seen: dict[str, list[Thing]], doors: Sequence[Thing], name: Any
) -> tuple[str, ...]:
    """Fetch the key that fits a door in sight; with none in sight, any key will do if all do."""
    keys = {label: things for label, things in seen.items() if things[0].kind == "key"}
    if doors:
        keys = {
            label: things
            for label, things in keys.items()
            if any(things[0].color == door.color for door in doors)
        }
    elif held is not None:
        keys = {}
    if not keys:
        return ("explore",)
    label = next(iter(keys))
    fetch = (f"go to {label}", f"pick up {label}")
    return fetch if held is None else (f"drop {name(held)}", *fetch)


def _door_plan(held: Thing | None, seen: dict[str, list[Thing]]) -> tuple[str, ...]:
    doors = {label: things for label, things in seen.items() if things[0].kind == "door"}
    for label, things in doors.items():
        if _fits(held, things[0]):
            return (f"go to {label}", f"open {label}")
    return (f"go to {next(iter(doors))}",) if doors else ("explore",)
