"""Generated houses: six rooms on a grid, doors that make loops, a piece of furniture in each."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL = 0.25
"""Metres per cell."""
WALL_HEIGHT, TABLE_HEIGHT = 2.5, 0.75
RECEPTACLES = ("bed", "counter", "desk", "shelf", "sofa", "table")
_ROOMS = (3, 2)
_DOOR = 4  # cells
_STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))

Cell = tuple[int, int]


@dataclass(frozen=True, eq=False)
class House:
    """A floor plan.

    :param height: float32 ``(nx, nz)``, metres: 0 floor, 0.75 furniture, 2.5 wall
    :param furniture: cells of each receptacle
    :param doors: pairs of rooms with a way through, of all pairs that share a wall
    """

    height: NDArray[np.float32]
    furniture: dict[str, tuple[Cell, ...]]
    doors: frozenset[tuple[int, int]]

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """Where the robot can be, bool ``(nx, nz)``."""
        free: NDArray[np.bool_] = self.height == 0
        return free

    def is_free(self, x: float, z: float) -> bool:
        """Whether the robot can be at this point."""
        i, j = int(x // CELL), int(z // CELL)
        nx, nz = self.free.shape
        return 0 <= i < nx and 0 <= j < nz and bool(self.free[i, j])

    def beside(self, cell: Cell) -> list[Cell]:
        """Free cells that touch this one."""
        around = [(cell[0] + i, cell[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return [c for c in around if self.free[c]]


def centre(cell: Cell) -> tuple[float, float]:
    """Middle of a cell in metres.

    >>> centre((0, 3))
    (0.125, 0.875)
    """
    return (cell[0] + 0.5) * CELL, (cell[1] + 0.5) * CELL


@lru_cache(maxsize=64)
def make_house(seed: int) -> House:
    """Generate a house; the same seed gives the same one.

    >>> sorted(make_house(0).furniture) == list(RECEPTACLES)
    True
    """
    rng = np.random.default_rng([seed, 6])
    widths, depths = rng.integers(11, 15, _ROOMS[0]), rng.integers(11, 15, _ROOMS[1])
    x_walls = np.concatenate([[0], np.cumsum(widths + 1)])
    z_walls = np.concatenate([[0], np.cumsum(depths + 1)])
    height = np.zeros((x_walls[-1] + 1, z_walls[-1] + 1), dtype=np.float32)
    height[x_walls, :] = height[:, z_walls] = WALL_HEIGHT
    doors = _doors(rng)
    keep: set[Cell] = set()  # cells before a door stay free
    for a, b in doors:
        keep |= _open(height, x_walls, z_walls, a, b, rng)
    furniture = {}
    for room, name in enumerate(rng.permutation(RECEPTACLES)):
        i, j = room % _ROOMS[0], room // _ROOMS[0]
        corners = (x_walls[i] + 1, x_walls[i + 1], z_walls[j] + 1, z_walls[j + 1])
        furniture[str(name)] = _furnish(height, corners, keep, rng)
    return House(height, dict(sorted(furniture.items())), frozenset(doors))


def _doors(rng: np.random.Generator) -> list[tuple[int, int]]:
    """A random spanning tree of the rooms, and some more: so there are dead ends and loops."""
    nx, nz = _ROOMS
    pairs = [(r, r + 1) for r in range(nx * nz) if (r + 1) % nx] + [
        (r, r + nx) for r in range(nx * (nz - 1))
    ]
    group = list(range(nx * nz))
    doors = []
    for k in rng.permutation(len(pairs)):
        a, b = pairs[k]
        if group[a] != group[b] or rng.random() < 0.3:
            doors.append((a, b))
            old, new = group[b], group[a]
            group = [new if g == old else g for g in group]
    return doors


def _open(
    height: NDArray[np.float32], x_walls: Any, z_walls: Any, a: int, b: int,
    rng: np.random.Generator,
) -> set[Cell]:  # fmt: skip
    """Open a door between two rooms; returns the cells before it."""
    i, j = a % _ROOMS[0], a // _ROOMS[0]
    if b == a + 1:
        x, low = int(x_walls[i + 1]), int(z_walls[j]) + 1
        start = int(rng.integers(low + 1, int(z_walls[j + 1]) - _DOOR))
        height[x, start : start + _DOOR] = 0
        return {(x + d, start + k) for d in (-2, -1, 0, 1, 2) for k in range(_DOOR)}
    z, low = int(z_walls[j + 1]), int(x_walls[i]) + 1
    start = int(rng.integers(low + 1, int(x_walls[i + 1]) - _DOOR))
    height[start : start + _DOOR, z] = 0
    return {(start + k, z + d) for d in (-2, -1, 0, 1, 2) for k in range(_DOOR)}


def _furnish(
    height: NDArray[np.float32], corners: Any, keep: set[Cell], rng: np.random.Generator
) -> tuple[Cell, ...]:
    """Put a block of 2 × 6 cells into a room so that everything stays reachable."""
    x0, x1, z0, z1 = (int(c) for c in corners)
    while True:
        nx, nz = (2, 6) if rng.random() < 0.5 else (6, 2)
        x, z = int(rng.integers(x0, x1 - nx + 1)), int(rng.integers(z0, z1 - nz + 1))
        cells = tuple((x + i, z + j) for i in range(nx) for j in range(nz))
        if keep & set(cells):
            continue
        for cell in cells:
            height[cell] = TABLE_HEIGHT
        if _connected(height == 0):
            return cells
        for cell in cells:
            height[cell] = 0


def _connected(free: NDArray[np.bool_]) -> bool:
    first = tuple(int(i) for i in np.argwhere(free)[0])
    seen, queue = {first}, deque([first])
    while queue:
        i, j = queue.popleft()
        for di, dj in _STEPS:
            cell = (i + di, j + dj)
            if free[cell] and cell not in seen:
                seen.add(cell)
                queue.append(cell)
    return len(seen) == int(free.sum())


def forward(yaw: float) -> tuple[float, float]:
    """Unit vector (x, z) a robot of this heading looks along, in Habitat's axes.

    >>> forward(0.0)
    (1.0, -0.0)
    """
    return math.cos(yaw), -math.sin(yaw)
