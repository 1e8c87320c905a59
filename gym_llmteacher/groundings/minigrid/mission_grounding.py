"""MiniGrid's and BabyAI's levels through their mission and the agent's own memory of its views."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.minigrid.agent_memory import AgentMemory, says_done
from gym_llmteacher.groundings.minigrid.known_map import Thing, known_map
from gym_llmteacher.groundings.minigrid.mission_words import ColorNames, Label, View
from gym_llmteacher.groundings.minigrid.missions import Phrase, as_mission
from gym_llmteacher.groundings.minigrid.options import N_ACTIONS
from gym_llmteacher.groundings.minigrid.room_options import RoomSkills
from gym_llmteacher.groundings.minigrid.words import Look
from gym_llmteacher.option_actions import LazyRows
from gym_llmteacher.situation import Situation


class MissionGrounding(Grounding):
    """Levels seen through MiniGrid's partial view, whose mission says what to do with which thing.

    A map is made of the views as they come (`ViewMemory`): nothing is read from the simulator, and
    the student's observation stays as it is. Of what the map shows, the words say what matters for
    the instruction at hand: things it names, locked doors, keys that fit one, boxes where a key is
    missing, and what stands in the way. Doors that are not locked are opened by exploring.

    Example::

        >>> import gymnasium as gym, minigrid
        >>> env = gym.make("MiniGrid-UnlockPickup-v0")
        >>> obs, _ = env.reset(seed=3)
        >>> grounding = MissionGrounding()
        >>> grounding.observe(env, obs)
        >>> grounding.describe(env, obs).text
        'Mission: pick up the blue box. Agent sees <locked door>, <key>. Agent holds <nothing>.'
    """

    examples = (
        "Mission: bring the egg, then open the jar. Agent sees <egg>, <locked pantry>. "
        "Agent holds <nothing>.\n"
        "Options: explore, go to egg, pick up egg, go to pantry.\n"
        "1. The agent sees the egg and a locked pantry, and holds nothing.\n"
        "2. The egg comes first and is in sight, so the agent should get it.\n"
        "3. Action: {go to egg, pick up egg}"
    )

    def __init__(self) -> None:
        self._memory: AgentMemory | None = None
        self._skills: tuple[bytes, int, RoomSkills] | None = None

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

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Describe what is known and matters now."""
        if self._memory is None or self._memory.view is None:
            self.observe(env, obs)
        assert self._memory is not None
        memory, view = self._memory, self._memory.known_view
        skills = self._skills_for(memory, bool(env.unwrapped.see_through_walls))  # type: ignore[attr-defined]
        things, pose = skills.known.things, (view.cell, view.heading)
        labels = self._labels(memory, things)
        exploring = skills.looking(*pose) is not None
        obstacle = self._obstacle(memory, skills, labels, exploring)
        words = View(
            mission=as_mission(memory.groups) or memory.mission or "explore",
            now=memory.groups[0] if memory.groups else (),
            labels=labels,
            held=memory.held,
            held_name=self._held_name(memory),
            blocking=None if obstacle is None else f"{obstacle.look.kind} in the way",
            exploring=exploring,
            say_done=says_done(env),
        )
        options = words.options() or {"wait": ("done", ())}
        rules = [
            partial(
                getattr(skills, skill),
                [obstacle if i < 0 else things[i] for i in targets],
                *pose,
            )
            for skill, targets in options.values()
        ]
        return Situation(
            text=words.text(),
            options=tuple(options),
            option_actions=LazyRows(N_ACTIONS, rules),
            task=words.task(),
            state=words.state(),
            subgoals=words.subgoals(),
        )

    def _skills_for(self, memory: AgentMemory, sees_through: bool) -> RoomSkills:
        """The options on this map, kept from the last step while the map is the same."""
        view = memory.known_view
        key = view.cells.tobytes()
        phrases = [one.thing for group in memory.groups for one in group if one.verb == "open"]
        if self._skills is None or self._skills[0] != key or len(phrases) != self._skills[1]:
            # The map shows what lies where the agent stands: no cell has to be left out.
            known = known_map(view.cells, agent_cell=0)
            rows = view.cells.shape[1]
            shut = frozenset(
                thing.cell
                for thing in known.things
                if any(memory.fits(p, thing.look, divmod(thing.cell, rows)) for p in phrases)
            )
            skills = RoomSkills(known, view=view.view, walls=not sees_through, shut=shut)
            self._skills = (key, len(phrases), skills)
        return self._skills[2]

    # -- what matters ---------------------------------------------------------------------------

    def _labels(self, memory: AgentMemory, things: tuple[Thing, ...]) -> list[Label]:
        rows = memory.known_view.cells.shape[1]
        labels: dict[str, Label] = {}
        unnamed: list[int] = []
        for i, thing in enumerate(things):
            cell = divmod(thing.cell, rows)
            fitting = [p for p in self._phrases(memory) if memory.fits(p, thing.look, cell)]
            for phrase in fitting:
                labels.setdefault(phrase.name, Label(phrase.name, named=True)).add(i, thing.look)
            if not fitting and memory.groups:
                unnamed.append(i)
            elif not fitting:  # nobody knows what matters
                self._names.meet(thing.look)
                name = self._names.of(thing.look)
                labels.setdefault(name, Label(name, named=False)).add(i, thing.look)
        for i in self._useful(unnamed, things, memory.held):
            self._names.meet(things[i].look)
        for i in self._useful(unnamed, things, memory.held):
            name = self._names.of(things[i].look)
            labels.setdefault(name, Label(name, named=False)).add(i, things[i].look)
        order = {"door": 0, "key": 1, "box": 2}
        return sorted(
            labels.values(),
            key=lambda label: (not label.named, order.get(label.kinds[0], 3), label.name),
        )

    @staticmethod
    def _phrases(memory: AgentMemory) -> list[Phrase]:
        phrases = {}
        for one in memory.groups[0] if memory.groups else ():
            phrases[one.thing.name] = one.thing
            if one.beside is not None:
                phrases[one.beside.name] = one.beside
        return list(phrases.values())

    @staticmethod
    def _useful(unnamed: list[int], things: tuple[Thing, ...], held: Look | None) -> list[int]:
        """Things that the mission does not name but that may be needed: whatever is locked."""
        locked = {thing.look.color for thing in things if thing.look.is_locked}
        keys = [thing.look for thing in things if thing.look.kind == "key"]
        opened = {look.color for look in (*keys, *([held] if held else [])) if look.kind == "key"}

        def is_useful(look: Look) -> bool:
            if look.kind == "door":
                return look.is_locked
            if look.kind == "key":
                return look.color in locked
            return look.kind == "box" and bool(locked - opened)

        return [i for i in unnamed if is_useful(things[i].look)]

    def _held_name(self, memory: AgentMemory) -> str:
        held = memory.held
        if held is None:
            return "nothing"
        for phrase in self._phrases(memory):
            if memory.fits(phrase, held, memory.held_from):
                return phrase.name
        self._names.meet(held)
        return self._names.of(held)

    def _obstacle(
        self, memory: AgentMemory, skills: RoomSkills, labels: list[Label], exploring: bool
    ) -> Thing | None:
        """What has to be carried away first: before what is needed, or before the unknown."""
        view, things = memory.known_view, skills.known.things
        names = {label.name for label in labels}
        now = memory.groups[0] if memory.groups else ()
        if not exploring and any(one.beside and one.beside.name not in names for one in now):
            # Picking up what is to be put somewhere before there is a way there would be undone.
            first = skills.obstacle((), view.cell)
            if first is not None:
                return first
        in_hand = self._held_name(memory)
        needed = [label for label in labels if label.name != in_hand]
        goals = [label for label in needed if label.named] or needed
        for label in goals:
            targets = [things[i] for i in label.things]
            if skills.reaches(targets, view.cell, view.heading):
                # A locked door is only of use with its key.
                if label.named or label.kinds != ["door"] or label.opened_by(memory.held):
                    return None
                continue
            obstacle = skills.obstacle(targets, view.cell)
            if obstacle is not None:
                return obstacle
        return None if exploring else skills.obstacle((), view.cell)
