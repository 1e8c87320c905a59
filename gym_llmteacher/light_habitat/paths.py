"""Shortest paths through a house, on its grid."""

from __future__ import annotations

import heapq
import math
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from gym_llmteacher.light_habitat.house import CELL, Cell, House, centre

_LOOK_AHEAD = 10  # cells


@lru_cache(maxsize=1024)
def distances(house: House, goal: Cell) -> MappingProxyType[Cell, float]:
    """Metres from every free cell to ``goal`` (Dijkstra, eight directions, no cut corners)."""
    free = house.free
    found: dict[Cell, float] = {}
    queue = [(0.0, goal)]
    while queue:
        distance, cell = heapq.heappop(queue)
        if cell in found:
            continue
        found[cell] = distance
        i, j = cell
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                neighbour = (i + di, j + dj)
                # Walls all round: no index is out of bounds.
                if (
                    neighbour not in found
                    and free[neighbour]
                    and free[i + di, j]
                    and free[i, j + dj]
                ):
                    step = CELL * math.sqrt(di * di + dj * dj)
                    heapq.heappush(queue, (distance + step, neighbour))
    return MappingProxyType(found)


@lru_cache(maxsize=4096)
def nearest_free(house: House, x: float, z: float) -> Cell:
    """The cell nearest to a point where the robot can be."""
    free = np.argwhere(house.free)
    gaps = ((free + 0.5) * CELL - (x, z)) ** 2
    i, j = free[gaps.sum(axis=1).argmin()]
    return int(i), int(j)


def in_sight(house: House, a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether a robot can go from ``a`` straight to ``b``."""
    n = max(2, math.ceil(math.dist(a, b) / (CELL / 4)))
    xs = (np.linspace(a[0], b[0], n) / CELL).astype(int)
    zs = (np.linspace(a[1], b[1], n) / CELL).astype(int)
    return bool((house.height[xs, zs] == 0).all())


@lru_cache(maxsize=65536)
def way(house: House, start: Cell, goal: Cell) -> tuple[tuple[float, float], ...]:
    """Corners of a shortest path from the middle of one cell to that of another; () if none."""
    field = distances(house, goal)
    if start not in field:
        return ()
    cells = [start]
    while cells[-1] != goal:
        i, j = cells[-1]
        near = [
            (i + di, j + dj)
            for di in (-1, 0, 1)
            for dj in (-1, 0, 1)
            if (i + di, j) in field and (i, j + dj) in field and (i + di, j + dj) in field
        ]
        cells.append(min(near, key=field.__getitem__))
    corners, at = [centre(start)], 0
    while at < len(cells) - 1:
        ahead = range(min(at + _LOOK_AHEAD, len(cells) - 1), at, -1)
        at = next((k for k in ahead if in_sight(house, corners[-1], centre(cells[k]))), at + 1)
        corners.append(centre(cells[at]))
    return tuple(corners)
