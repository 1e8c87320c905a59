"""A MiniGrid env whose observation is the agent's own map of what it has seen.

MiniGrid's step spends its time in slicing and encoding a fresh view; here the encoded map is kept
and only the cells in view are copied into the memory, so nothing is deep-copied per step.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX
from minigrid.core.mission import MissionSpace
from minigrid.minigrid_env import MiniGridEnv
from numpy.typing import NDArray

from gym_llmteacher.envs.visibility import DIRECTIONS, VISIBLE, view_offsets

Map = NDArray[np.uint8]
EMPTY = OBJECT_TO_IDX["empty"]
LAVA = OBJECT_TO_IDX["lava"]
HIGH = np.array([10, 5, 2, 4], dtype=np.uint8)
"""Largest code per channel; tight, so that SB3 does not take the map for an image."""


def _mission() -> str:
    return MemoryGridEnv.task


class MemoryGridEnv(MiniGridEnv):  # type: ignore[misc]  # minigrid ships no types
    """Base of the tasks: movement, fog-of-war memory, reward and limits.

    Observation: uint8 ``(width, height, 4)``, indexed ``[x, y]``. Channels: object type, colour,
    state (MiniGrid's codes; all 0 where nothing has been seen yet) and heading (1 + heading in the
    agent's own cell, else 0). The object that the agent carries is shown in its own cell, so that
    the observation tells the whole state the agent knows.

    Reward: ``1 - 0.9 * steps / max_steps`` on success, else 0. Truncated after ``max_steps``.
    """

    task = "get the key, then open the door"
    """What is to be achieved, in words."""

    def __init__(
        self, size: int, max_steps: int = 150, render_mode: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(
            # A module's function, not a lambda: envs must pickle.
            mission_space=MissionSpace(mission_func=_mission),
            grid_size=size,
            max_steps=max_steps,
            agent_view_size=3,
            render_mode=render_mode,
            highlight=True,
            **kwargs,
        )
        # Plain arrays, in order: others, once saved, are not read by an older numpy.
        low, high = np.zeros((size, size, 4), np.uint8), np.tile(HIGH, (size, size, 1))
        self.observation_space = gym.spaces.Box(low, high, dtype=np.uint8)
        self._offsets = [view_offsets(heading) for heading in range(4)]
        self.success = False

    # -- episodes -------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Map, dict[str, Any]]:
        """Lay out a new room and show the first view."""
        gym.Env.reset(self, seed=seed)
        self.agent_pos, self.agent_dir, self.carrying = (-1, -1), -1, None
        self._gen_grid(self.width, self.height)
        self.step_count, self.success = 0, False
        cells = self.grid.grid
        # MiniGrid stores cells row by row; the observation is indexed [x, y].
        self._cells: Map = np.zeros((self.width, self.height, 3), dtype=np.uint8)
        self._cells[..., 0] = EMPTY
        self._opaque = [False] * (self.width * self.height)
        for i, cell in enumerate(cells):
            if cell is not None:
                y, x = divmod(i, self.width)
                self._set_cell(x, y, cell)
        self.memory: Map = np.zeros((self.width, self.height, 4), dtype=np.uint8)
        self._flatten()
        self._seen_from: dict[tuple[int, int, int], NDArray[np.intp]] = {}
        self._look()
        if self.render_mode == "human":
            self.render()
        return self.memory.copy(), {"is_success": False}

    def step(self, action: int) -> tuple[Map, float, bool, bool, dict[str, Any]]:
        """Move, turn, pick up, drop or toggle; then look."""
        self.step_count += 1
        reward, terminated = 0.0, False
        x, y = self.agent_pos
        self._flat_memory[x * self.height + y, 3] = 0
        if action == 0:
            self.agent_dir = (self.agent_dir - 1) % 4
        elif action == 1:
            self.agent_dir = (self.agent_dir + 1) % 4
        elif action == 2:
            terminated = self._forward()
        elif action in (3, 4, 5):
            self._handle(action)
            if self.success:
                terminated = True
                reward = 1.0 - 0.9 * self.step_count / self.max_steps
        elif action != 6:
            raise ValueError(f"action is {action!r}, expected 0 .. 6 (see env.actions).")
        self._look()
        truncated = self.step_count >= self.max_steps
        if self.render_mode == "human":
            self.render()
        return self.memory.copy(), reward, terminated, truncated, {"is_success": self.success}

    def _forward(self) -> bool:
        """Step ahead if nothing is in the way; True if that ends the episode."""
        dx, dy = DIRECTIONS[self.agent_dir]
        x, y = self.agent_pos[0] + dx, self.agent_pos[1] + dy
        cell = self.grid.get(x, y)
        if cell is None or cell.can_overlap():
            # The cell left behind is shown as it is again, without the carried object.
            old = self.agent_pos[0] * self.height + self.agent_pos[1]
            self._flat_memory[old, :3] = self._flat_cells[old]
            self.agent_pos = (x, y)
            return cell is not None and cell.type == "lava"
        return False

    def _handle(self, action: int) -> None:
        """Pick up, drop or toggle what is ahead."""
        dx, dy = DIRECTIONS[self.agent_dir]
        x, y = self.agent_pos[0] + dx, self.agent_pos[1] + dy
        cell = self.grid.get(x, y)
        if action == 3 and cell is not None and cell.can_pickup() and self.carrying is None:
            self.carrying = cell
            cell.cur_pos = (-1, -1)
            self.grid.set(x, y, None)
        elif action == 4 and cell is None and self.carrying is not None:
            self.grid.set(x, y, self.carrying)
            self.carrying.cur_pos = (x, y)
            self.carrying = None
        elif action == 5 and cell is not None:
            cell.toggle(self, (x, y))
            self.success = cell.type == "door" and cell.is_open
        self._set_cell(x, y, self.grid.get(x, y))

    def _flatten(self) -> None:
        """Views by cell number: indexing them is twice as fast as indexing by x and y."""
        self._flat_memory = self.memory.reshape(-1, 4)
        self._flat_cells = self._cells.reshape(-1, 3)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "memory" in state:
            self._flatten()  # a copy of a view is no view of the copy

    # -- memory ---------------------------------------------------------------------------------

    def _set_cell(self, x: int, y: int, cell: Any) -> None:
        self._cells[x, y] = (EMPTY, 0, 0) if cell is None else cell.encode()
        opaque = cell is not None and not cell.see_behind()
        if self._opaque[x * self.height + y] != opaque:
            self._opaque[x * self.height + y] = opaque
            self._seen_from = {}

    def _look(self) -> None:
        """Copy what is in view into the memory, and draw the agent."""
        x, y = self.agent_pos
        pose = (x, y, self.agent_dir)
        seen = self._seen_from.get(pose)
        if seen is None:
            seen = self._seen_from[pose] = self._cells_in_view(*pose)
        memory, here = self._flat_memory, x * self.height + y
        memory[seen, :3] = self._flat_cells[seen]
        if self.carrying is not None:
            memory[here, 0] = OBJECT_TO_IDX[self.carrying.type]
            memory[here, 1] = COLOR_TO_IDX[self.carrying.color]
        memory[here, 3] = self.agent_dir + 1

    def _cells_in_view(self, x: int, y: int, heading: int) -> NDArray[np.intp]:
        cells, opaque = [], 0
        for bit, (dx, dy) in enumerate(self._offsets[heading]):
            u, v = x + dx, y + dy
            inside = 0 <= u < self.width and 0 <= v < self.height
            cells.append(u * self.height + v if inside else -1)
            if not inside or self._opaque[cells[-1]]:
                opaque |= 1 << bit
        lit = VISIBLE[opaque]
        return np.array([c for bit, c in enumerate(cells) if c >= 0 and lit >> bit & 1])

    def gen_obs(self) -> Any:
        """Return the memory; MiniGrid's rendering asks for it."""
        return {"image": self.memory, "direction": self.agent_dir, "mission": self.task}

    def _random_cell(self, x0: int, y0: int, x1: int, y1: int) -> tuple[int, int]:
        """Return a free cell in [x0, x1) × [y0, y1), away from the agent."""
        while True:
            x = int(self.np_random.integers(x0, x1))
            y = int(self.np_random.integers(y0, y1))
            if self.grid.get(x, y) is None and (x, y) != tuple(self.agent_pos):
                return x, y
