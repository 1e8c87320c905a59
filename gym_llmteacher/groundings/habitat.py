"""Habitat's rearrangement tasks in words and options."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.habitat.skills import split_option
from gym_llmteacher.option_actions import LazyRows
from gym_llmteacher.situation import Situation, Subgoal

_MOST_KEPT = 2_000


class HabitatGrounding(Grounding):
    """`HabitatEnv` in words: what the robot holds, where it has arrived, what there is.

    Options are *navigate to X*, *pick X* and *drop*. What may be needed next
    is every object, with the plan that gets it, and every place.

    :param distances: say how far things are, in steps of so many metres. ``None`` says nothing, so
        that there are few different texts, each of which is asked about once
    :raises GroundingError: ``distances`` is not a positive number
    """

    example = (
        'Task: "get the egg"\n'
        'Situation: "The robot is to get the egg. It holds <nothing>. It is at <shelf>. There are '
        '<egg>, <pan>, <shelf>."\n'
        "Options:\n- navigate to egg\n- pick egg\n- navigate to pan\n- pick pan\n"
        "- navigate to shelf\n"
        "1. The robot holds nothing and is at the shelf.\n"
        "2. It has to be at the egg to pick it, so it goes there first.\n"
        "3. Action: {navigate to egg, pick egg}"
    )

    def __init__(self, distances: float | None = None) -> None:
        if distances is not None and not distances > 0:
            raise GroundingError(f"distances is {distances!r}, expected metres above 0, or None.")
        self.distances = distances
        self._kept: dict[tuple[Any, ...], dict[str, Any]] = {}

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Describe the state of the simulator (``obs`` is not needed)."""
        robot: Any = env.unwrapped
        world = robot.world
        words = self._words(robot, world.holding, robot.where())
        n_actions = int(env.action_space.n)  # type: ignore[attr-defined]
        rules = [partial(robot.option_action, option) for option in words["options"]]
        return Situation(option_actions=LazyRows(n_actions, rules), **words)

    def _words(self, robot: Any, held: str | None, at: str | None) -> dict[str, Any]:
        """All but the actions; kept, since it changes rarely."""
        world = robot.world
        others = [word for word in world.things if word != held]
        named = tuple(self._named(world, word) for word in others)
        key = (world.target, held, at, named)
        words = self._kept.get(key)
        if words is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept = {}
            task = f"get the {world.target or 'thing'}"
            words = self._kept[key] = {
                "text": f"The robot is to {task}. It holds <{held or 'nothing'}>. It is at "
                f"<{at or 'no thing'}>. There are {', '.join(named)}.",
                "options": tuple(
                    option
                    for option in robot.options
                    if option == "drop" or world.present(split_option(option)[1])
                ),
                "task": task,
                "example": self.example,
                "state": f"The robot holds {f'the {held}' if held else 'nothing'}.",
                "subgoals": tuple(Subgoal(word, self._plan(world, word, held)) for word in others),
            }
        return words

    def _named(self, world: Any, word: str) -> str:
        if self.distances is None:
            return f"<{word}>"
        far, _ = world.polar(world.position(word))
        return f"<{word}> {round(far / self.distances) * self.distances:.3g} m away"

    @staticmethod
    def _plan(world: Any, word: str, held: str | None) -> tuple[str, ...]:
        if word in world.places:
            return (f"navigate to {word}",)
        get = (f"navigate to {word}", f"pick {word}")
        return ("drop", *get) if held else get
