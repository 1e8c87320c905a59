"""Exploration that uncovers the map: go where most unseen cells come into view per step."""

from __future__ import annotations

from functools import lru_cache

from gym_llmteacher.envs.visibility import VIEW, VISIBLE, view_offsets
from gym_llmteacher.groundings.minigrid.known_map import KnownMap
from gym_llmteacher.groundings.minigrid.navigation import reachable_layers

_MOST = VIEW * VIEW - 1
"""Most cells that one look can uncover: the agent's own is known."""


@lru_cache(maxsize=65536)
def _view(cell: int, heading: int, width: int, height: int) -> tuple[tuple[int, ...], int]:
    """Cells in view of a pose (-1 outside the map), and which of the 9 are outside."""
    x, y = divmod(cell, height)
    cells, outside = [], 0
    for bit, (dx, dy) in enumerate(view_offsets(heading)):
        u, v = x + dx, y + dy
        if 0 <= u < width and 0 <= v < height:
            cells.append(u * height + v)
        else:
            cells.append(-1)
            outside |= 1 << bit
    return tuple(cells), outside


def gain(known: KnownMap, cell: int, heading: int) -> int:
    """How many unseen cells this pose would show; unseen cells count as transparent."""
    cells, opaque = _view(cell, heading, known.width, known.height)
    unseen = 0
    for bit, c in enumerate(cells):
        if c >= 0:
            opaque |= (known.opaque >> c & 1) << bit
            unseen |= (known.unknown >> c & 1) << bit
    return (VISIBLE[opaque] & unseen).bit_count()


def _lookouts(known: KnownMap) -> list[int]:
    """For each heading, the walkable cells with a frontier cell in view (if light gets there)."""
    lookouts = []
    for heading in range(4):
        cells = 0
        for dx, dy in view_offsets(heading):
            by = dx * known.height + dy
            cells |= known.frontier >> by if by >= 0 else known.frontier << -by
        lookouts.append(cells & known.walkable)
    return lookouts


def best_view(known: KnownMap, cell: int, heading: int) -> tuple[int, int] | None:
    """Return the pose with the most unseen cells per action, or ``None`` when all has been seen.

    Ties go to the nearer pose, then to the lower heading and cell: the same map always gives the
    same answer. The search ends as soon as no farther pose can be better.
    """
    if not known.frontier:
        return None
    lookouts = _lookouts(known)
    best, choice = 0.0, None
    for distance, layer in enumerate(reachable_layers(cell, heading, known.walkable, known.height)):
        if distance == 0:
            continue
        if best * distance >= _MOST:
            break
        for direction in range(4):
            bits = layer[direction] & lookouts[direction]
            while bits:
                low = bits & -bits
                bits ^= low
                at = low.bit_length() - 1
                found = gain(known, at, direction)
                if found > best * distance:
                    best, choice = found / distance, (at, direction)
    return choice
