"""The four door-key tasks of LLM4Teach (arXiv 2311.13373, sec. 4.1).

All of them: find a key, bring it to a locked door of its colour, open the door. 3×3 view, at most
150 steps, MiniGrid's 7 actions; the episode ends when a door opens.
"""

from __future__ import annotations

from typing import Any

from minigrid.core.constants import COLOR_NAMES
from minigrid.core.grid import Grid
from minigrid.core.world_object import Door, Key, Lava

from gym_llmteacher.envs.memory import MemoryGridEnv

_COLORS = tuple(sorted(COLOR_NAMES))


class _RoomEnv(MemoryGridEnv):
    """One room of 5 to 10 cells on a side, walls included, in a 10×10 map."""

    def __init__(self, render_mode: str | None = None, **kwargs: Any) -> None:
        super().__init__(size=10, render_mode=render_mode, **kwargs)

    def _gen_grid(self, width: int, height: int) -> None:
        self.grid = Grid(width, height)
        self.room = (int(self.np_random.integers(5, 11)), int(self.np_random.integers(5, 11)))
        w, h = self.room
        self.grid.wall_rect(0, 0, w, h)
        self.mission = self.task
        self.door_color = self._color()
        self.door_pos = self._wall_cell(int(self.np_random.integers(4)))
        self.grid.set(*self.door_pos, Door(self.door_color, is_locked=True))
        self.agent_pos = self._free()
        self.agent_dir = int(self.np_random.integers(4))
        self._furnish()

    def _furnish(self) -> None:
        """Put what the task needs into the room."""
        self.grid.set(*self._free(), Key(self.door_color))

    def _free(self) -> tuple[int, int]:
        return self._random_cell(1, 1, self.room[0] - 1, self.room[1] - 1)

    def _color(self) -> str:
        return str(_COLORS[int(self.np_random.integers(len(_COLORS)))])

    def _wall_cell(self, side: int) -> tuple[int, int]:
        """Return a cell of wall 0 .. 3 (right, bottom, left, top), corners excluded."""
        w, h = self.room
        x, y = int(self.np_random.integers(1, w - 1)), int(self.np_random.integers(1, h - 1))
        return ((w - 1, y), (x, h - 1), (0, y), (x, 0))[side]


class SimpleDoorKeyEnv(_RoomEnv):
    """One key, one locked door.

    >>> import gymnasium as gym, gym_llmteacher
    >>> obs, info = gym.make("LLMTeacher/SimpleDoorKey-v0").reset(seed=0)
    >>> obs.shape, info
    ((10, 10, 4), {'is_success': False})
    """


class LavaDoorKeyEnv(_RoomEnv):
    """A key, a locked door, and a cell of lava that ends the episode with reward 0."""

    def _furnish(self) -> None:
        super()._furnish()
        while True:
            x, y = self._free()
            # In a room of at least 3×3 one cell can only cut off a corner or a door.
            self.grid.set(x, y, Lava())
            if self._solvable():
                return
            self.grid.set(x, y, None)

    def _solvable(self) -> bool:
        """Whether key and door can be reached from the agent's cell."""
        reached, frontier = {tuple(self.agent_pos)}, [tuple(self.agent_pos)]
        touched = set()
        while frontier:
            x, y = frontier.pop()
            for u, v in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                cell = self.grid.get(u, v)
                if cell is not None:
                    touched.add(cell.type)
                    if cell.type == "key":
                        cell = None  # it can be taken out of the way
                if cell is None and (u, v) not in reached:
                    reached.add((u, v))
                    frontier.append((u, v))
        return {"key", "door"} <= touched


class ColoredDoorKeyEnv(_RoomEnv):
    """Two keys of different colours; only the one of the door's colour opens it."""

    def _furnish(self) -> None:
        super()._furnish()
        others = [color for color in _COLORS if color != self.door_color]
        x, y = self.door_pos
        cell = self._free()
        # Right before the door it would have to be carried out of the way first: another task.
        while abs(cell[0] - x) + abs(cell[1] - y) == 1:
            cell = self._free()
        self.grid.set(*cell, Key(others[int(self.np_random.integers(len(others)))]))


class DivergedDoorKeyEnv(MemoryGridEnv):
    """A 20×20 room, a key near its centre, and two facing doors, either of which will do."""

    def __init__(self, render_mode: str | None = None, **kwargs: Any) -> None:
        super().__init__(size=20, render_mode=render_mode, **kwargs)

    def _gen_grid(self, width: int, height: int) -> None:
        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        self.mission = self.task
        color = _COLORS[int(self.np_random.integers(len(_COLORS)))]
        along = int(self.np_random.integers(1, width - 1))
        if self.np_random.integers(2):
            doors = ((0, along), (width - 1, along))
        else:
            doors = ((along, 0), (along, height - 1))
        for door in doors:
            self.grid.set(*door, Door(color, is_locked=True))
        low, high = width // 2 - 2, width // 2 + 2
        self.grid.set(*self._random_cell(low, low, high, high), Key(color))
        self.agent_pos = self._random_cell(1, 1, width - 1, height - 1)
        self.agent_dir = int(self.np_random.integers(4))
