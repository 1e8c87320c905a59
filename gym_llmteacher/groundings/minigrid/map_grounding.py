"""What the groundings of MiniGrid have in common."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import gymnasium as gym

from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.minigrid.skills import Skills
from gym_llmteacher.groundings.minigrid.things import Thing, codes_of
from gym_llmteacher.groundings.minigrid.words import Words
from gym_llmteacher.groundings.target import Target
from gym_llmteacher.situation import Situation

SomeSkills = TypeVar("SomeSkills", bound=Skills)


class MapGrounding(Grounding, Generic[SomeSkills]):
    """A grounding whose options are skills on the map that the agent has in its head."""

    example: str = ""
    has_targets = True

    def __init__(self) -> None:
        self._kept: tuple[Hashable, SomeSkills] | None = None
        self._aims: tuple[Words, Skills, Sequence[Thing], tuple[int, int]] | None = None

    def target(self, option: str) -> Target | None:
        """What an option leads to, by the shortest way known; else the nearest of its things."""
        if self._aims is None or option not in self._aims[0].options:
            return None
        words, skills, things, (cell, heading) = self._aims
        skill, numbers = words.skills[words.options.index(option)]
        rows, at = skills.known.height, divmod(cell, skills.known.height)
        about = [things[i] for i in numbers]
        way = skills.leads(skill, about, cell, heading)
        if way is not None and (skill == "explore" or way[1] > 0):
            aim = divmod(way[0], rows)
            looks = [codes_of(thing.look) for thing in about if thing.cell == way[0]]
            target = Target.seen_from(aim, at, heading, *looks[:1])
            place = aim if skill == "explore" else None
            return target._replace(left=way[1], place=place)
        found = [
            Target.seen_from(divmod(thing.cell, rows), at, heading, codes_of(thing.look))
            for thing in about
        ]
        return min(found, key=lambda one: abs(one.ahead) + abs(one.right), default=None)

    def solved(self, env: gym.Env[Any, Any], reward: float, terminated: bool) -> bool:
        """MiniGrid pays at the end, and for success alone."""
        return terminated and reward > 0

    def _keep_skills(self, key: Hashable, make: Callable[[], SomeSkills]) -> SomeSkills:
        """Skills on this map, kept from the last step while the map is the same.

        :param key: what they depend on
        """
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, make())
        return self._kept[1]

    def _situation(
        self,
        task: str,
        words: Words,
        skills: Skills,
        things: Sequence[Thing],
        pose: tuple[int, int],
    ) -> Situation:
        """Put together what is said and what options do.

        :param things: what the numbers in ``words.skills`` stand for
        :param pose: the agent's cell and heading
        """
        self._aims = (words, skills, things, pose)
        return Situation(
            text=words.text,
            options=words.options,
            option_actions=skills.rows(words.skills, things, *pose),
            task=task,
            state=words.state,
            subgoals=words.subgoals,
            example=self.example,
        )
