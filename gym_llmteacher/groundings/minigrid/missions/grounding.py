"""MiniGrid's and BabyAI's levels through their mission and the agent's own memory of its views."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gymnasium as gym

from gym_llmteacher.groundings.minigrid.known_map import known_map
from gym_llmteacher.groundings.minigrid.map_grounding import MapGrounding
from gym_llmteacher.groundings.minigrid.missions.agent_memory import AgentMemory, says_done
from gym_llmteacher.groundings.minigrid.missions.instructions import Phrase, as_mission
from gym_llmteacher.groundings.minigrid.missions.labels import (
    ColorNames,
    Label,
    name_of_held,
    what_matters,
)
from gym_llmteacher.groundings.minigrid.missions.scene import Scene
from gym_llmteacher.groundings.minigrid.missions.skills import RoomSkills
from gym_llmteacher.groundings.minigrid.things import Thing
from gym_llmteacher.situation import Situation


class MissionGrounding(MapGrounding[RoomSkills]):
    """Levels seen through MiniGrid's partial view, whose mission says what to do with which thing.

    A map is made of the views as they come (`ViewMemory`): nothing is read from the simulator, and
    the student's observation stays as it is. Of what the map shows, the words say what matters for
    the instruction at hand: things it names, locked doors, keys that fit one, boxes where a key is
    missing, and what stands in the way. Doors that are not locked are opened by exploring, and,
    if they were shut again, on the way.

    Example::

        >>> import gymnasium as gym, minigrid
        >>> env = gym.make("MiniGrid-UnlockPickup-v0")
        >>> obs, _ = env.reset(seed=3)
        >>> grounding = MissionGrounding()
        >>> grounding.observe(env, obs)
        >>> grounding.describe(env, obs).text
        'Mission: pick up the blue box. Agent sees <locked door>, <key>. Agent holds <nothing>.'
    """

    example = """\
Task: "bring the egg, then open the jar"
Situation: "Mission: bring the egg, then open the jar. Agent sees <egg>, <locked pantry>. \
Agent holds <nothing>."
Options:
- explore
- go to egg
- pick up egg
- go to pantry
1. The agent sees the egg and a locked pantry, and holds nothing.
2. The egg comes first and is in sight, so the agent should get it.
3. Action: {go to egg, pick up egg}"""

    def __init__(self) -> None:
        super().__init__()
        self._memory: AgentMemory | None = None

    def observe(self, env: gym.Env[Any, Any], obs: Any, action: Any = None) -> None:
        """Remember what is seen.

        :raises GroundingError: not MiniGrid's own Dict observation
        """
        world: Any = env.unwrapped
        shared = env.has_wrapper_attr("agent_memory")  # MapMemory's; it has seen this already
        if self._memory is None:
            self._memory = (
                env.get_wrapper_attr("agent_memory")
                if shared
                else AgentMemory(world.width, world.height, says_done(env))
            )
        if action is not None and not shared:
            self._memory.step(int(action), obs)
        elif action is None:
            if not shared:
                self._memory.start(obs)
            self._names = ColorNames(self._memory.mission)

    @property
    def memory(self) -> AgentMemory | None:
        """What the agent knows; ``None`` before the first episode."""
        return self._memory

    def recall(self, memory: AgentMemory, mission: str) -> None:
        """Describe what was known once, with another mission."""
        self._memory = memory.towards(mission)
        self._names = ColorNames(mission)

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Describe what is known and matters now."""
        if self._memory is None or self._memory.view is None:
            self.observe(env, obs)
        assert self._memory is not None
        memory, view = self._memory, self._memory.known_view
        skills = self._skills(memory, bool(env.unwrapped.see_through_walls))  # type: ignore[attr-defined]
        things, pose = skills.known.things, (view.cell, view.heading)
        labels = what_matters(memory, things, self._names)
        exploring = bool(skills.lookouts(*pose))
        held_name = name_of_held(memory, self._names)
        obstacle = _obstacle(memory, skills, labels, held_name, exploring)
        scene = Scene(
            mission=as_mission(memory.groups) or memory.mission or "explore",
            now=memory.now,
            labels=labels,
            held=memory.held,
            held_name=held_name,
            blocking=None if obstacle is None else f"{obstacle.look.kind} in the way",
            exploring=exploring,
            say_done=says_done(env),
        )
        # The obstacle comes last: its number is -1 (`OBSTACLE`).
        targets = things if obstacle is None else (*things, obstacle)
        return self._situation(scene.task(), scene.words(), skills, targets, pose)

    def _skills(self, memory: AgentMemory, sees_through: bool) -> RoomSkills:
        """Options on the map in the agent's memory."""
        phrases = [one.thing for group in memory.groups for one in group if one.verb == "open"]
        key = (memory.known_view.cells.tobytes(), len(phrases))
        return self._keep_skills(key, partial(_skills_on, memory, phrases, not sees_through))


def _skills_on(memory: AgentMemory, to_open: Sequence[Phrase], walls: bool) -> RoomSkills:
    view = memory.known_view
    # The map shows what lies where the agent stands: no cell has to be left out.
    known = known_map(view.cells, agent_cell=0)
    rows = view.cells.shape[1]
    shut = frozenset(
        at
        for look, at in known.things
        if any(memory.fits(phrase, look, divmod(at, rows)) for phrase in to_open)
    )
    return RoomSkills(known, view=view.view, walls=walls, shut=shut)


def _obstacle(
    memory: AgentMemory,
    skills: RoomSkills,
    labels: list[Label],
    held_name: str | None,
    exploring: bool,
) -> Thing | None:
    """What has to be carried away first: before what is needed, or before the unknown."""
    view, things = memory.known_view, skills.known.things
    names = {held_name, *(label.name for label in labels)}
    needs = [part for one in memory.now for part in (one.thing, one.beside) if part is not None]
    if not exploring and any(part.name not in names for part in needs):
        # Picking up what is to be put somewhere before there is a way there would be undone.
        first = skills.obstacle((), view.cell)
        if first is not None:
            return first
    needed = [label for label in labels if label.name != held_name]
    goals = [label for label in needed if label.named] or needed
    for label in goals:
        targets = [things[i] for i in label.things]
        if skills.reaches(targets, view.cell):
            # A locked door is only of use with its key.
            if label.named or label.kinds != ["door"] or label.is_unlocked_by(memory.held):
                return None
            continue
        obstacle = skills.obstacle(targets, view.cell)
        if obstacle is not None:
            return obstacle
    return None if exploring else skills.obstacle((), view.cell)
