"""What an agent knows in a MiniGrid level: the map it has seen, and how far its mission is."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.envs import GoToDoorEnv, GoToObjectEnv

from gym_llmteacher.envs.visibility import DIRECTIONS
from gym_llmteacher.groundings.minigrid.missions.instructions import (
    Group,
    Instruction,
    Phrase,
    parse_mission,
)
from gym_llmteacher.groundings.minigrid.missions.view_memory import ViewMemory, read_view
from gym_llmteacher.groundings.minigrid.navigation import DROP, PICK_UP, TOGGLE
from gym_llmteacher.groundings.minigrid.things import THINGS, Look, look_of

Cell = tuple[int, int]


def says_done(env: gym.Env[Any, Any]) -> bool:
    """Whether a level ends by the action ``done``, and not by itself."""
    return isinstance(env.unwrapped, (GoToDoorEnv, GoToObjectEnv))


class AgentMemory:
    """Map and progress, from observations and actions alone.

    :param width: width of the world
    :param height: height of the world
    :param say_done: nothing is fulfilled before the agent says so, which ends the episode

    ``view``: the map; ``groups``: instructions that are left, those of a group in any order;
    ``held``: what is carried; ``held_from``: the cell it was taken from.
    """

    def __init__(self, width: int, height: int, say_done: bool = False) -> None:
        self._size = (width, height)
        self._say_done = say_done
        self.view: ViewMemory | None = None
        self.mission = ""
        self.groups: tuple[Group, ...] = ()
        self.held_from: Cell | None = None

    def start(self, obs: Any) -> None:
        """Begin an episode with its first observation.

        :raises GroundingError: not MiniGrid's own Dict observation
        """
        image, heading = read_view(obs)
        if self.view is None or self.view.view != len(image):
            self.view = ViewMemory(*self._size, view=len(image))
        self.view.start(image, heading)
        self.mission = str(obs["mission"])
        self.groups = parse_mission(self.mission)
        self.held_from = None

    def step(self, action: int, obs: Any) -> None:
        """Take in what an action led to."""
        view = self.known_view
        image, heading = read_view(obs)
        held, front, was = self.held, view.front, self.look(view.front)
        view.step(action, image, heading)
        if action == PICK_UP and held is None and self.held is not None:
            self.held_from = front
        while self.groups and not self._say_done:
            left = tuple(one for one in self.groups[0] if not self._done(one, action, held, was))
            if left:
                self.groups = (left, *self.groups[1:])
                return
            self.groups = self.groups[1:]

    def kept(self, last: AgentMemory | None = None) -> AgentMemory:
        """Return a copy that does not go on.

        :param last: the copy before: the map is shared with it where nothing was seen since
        """
        copied, view = copy.copy(self), copy.copy(self.known_view)
        before = None if last is None else last.known_view.cells
        same = before is not None and np.array_equal(before, view.cells)
        view.cells = before if before is not None and same else view.cells.copy()
        copied.view = view
        return copied

    def towards(self, mission: str) -> AgentMemory:
        """Return the same knowledge with another mission, none of which is done."""
        other = copy.copy(self)
        other.mission, other.groups = mission, parse_mission(mission)
        return other

    @property
    def now(self) -> Group:
        """Instructions that may be carried out now."""
        return self.groups[0] if self.groups else ()

    @property
    def known_view(self) -> ViewMemory:
        """The map, once an episode has begun."""
        assert self.view is not None, "start() comes first"
        return self.view

    @property
    def held(self) -> Look | None:
        """What the agent carries."""
        held = self.known_view.held
        return None if held is None else look_of(*held)

    def look(self, cell: Cell) -> Look:
        """What has been seen in a cell."""
        return look_of(*self.known_view.cells[cell].tolist())

    def fits(self, phrase: Phrase, look: Look, cell: Cell | None) -> bool:
        """Whether a thing (last seen on the ground in ``cell``) is one that the phrase means."""
        if look.kind not in THINGS:
            return False
        if phrase.kind is None and look.kind == "goal":
            return False
        if phrase.kind not in (None, look.kind) or phrase.color not in (None, look.color):
            return False
        return phrase.where is None or (cell is not None and self._is_where(phrase.where, cell))

    def _is_where(self, where: str, cell: Cell) -> bool:
        """Whether a cell lies on that side of where the agent started, in the same room."""
        view = self.known_view
        (x, y), (fx, fy) = view.start_cell, DIRECTIONS[view.start_heading]
        dx, dy = cell[0] - x, cell[1] - y
        ahead, right = dx * fx + dy * fy, fx * dy - fy * dx
        side = {
            "in front of you": ahead > 0,
            "behind you": ahead < 0,
            "on your left": right < 0,
            "on your right": right > 0,
        }
        return side[where] and cell in self._first_room()

    def _first_room(self) -> set[Cell]:
        """Cells of the room that the agent started in, its doors included, as far as known."""
        view = self.known_view
        room, todo = {view.start_cell}, [view.start_cell]
        while todo:
            x, y = todo.pop()
            for dx, dy in DIRECTIONS:
                cell = (x + dx, y + dy)
                kind = self.look(cell).kind
                if cell not in room and kind not in ("wall", "unseen"):
                    room.add(cell)
                    if kind != "door":
                        todo.append(cell)
        return room

    def _done(self, one: Instruction, action: int, held: Look | None, was: Look) -> bool:
        """Whether the action just taken has fulfilled an instruction (BabyAI's rules)."""
        front = self.known_view.front
        now = self.look(front)
        if one.verb == "go to":
            # A goal is stepped on, and that ends the episode.
            return now.kind != "goal" and self.fits(one.thing, now, front)
        if one.verb == "open":
            toggled = action == TOGGLE and now.is_open and not was.is_open
            return toggled and self.fits(one.thing, now, front)
        if one.verb == "pick up":
            taken = action == PICK_UP and held is None and self.held is not None
            return taken and self.fits(one.thing, was, front)
        dropped = action == DROP and held is not None and self.held is None
        return dropped and self._beside(one, now, front)

    def _beside(self, one: Instruction, look: Look, cell: Cell) -> bool:
        """Whether what was put down in ``cell`` is what had to be put beside that thing."""
        if one.beside is None or not self.fits(one.thing, look, self.held_from):
            return False
        x, y = cell
        around = [(x + dx, y + dy) for dx, dy in DIRECTIONS]
        return any(self.fits(one.beside, self.look(other), other) for other in around)
