"""Exploration that uncovers the map: go where most unseen cells come into view per step."""

from __future__ import annotations

from gym_llmteacher.envs.visibility import VIEW, VISIBLE
from gym_llmteacher.groundings.minigrid.known_map import KnownMap
from gym_llmteacher.groundings.minigrid.navigation import reachable_layers

_MOST = VIEW * VIEW - 1
"""Most cells that one look can uncover: the agent's own is known."""


def _mirror(cells: int) -> int:
    """Swap left and right in a set of cells of the view."""
    return (cells & 0o111) << 2 | cells & 0o222 | (cells & 0o444) >> 2


_MIRRORED = tuple(_mirror(VISIBLE[_mirror(opaque)]) for opaque in range(512))


def gain(known: KnownMap, cell: int, heading: int) -> int:
    """How many unseen cells this pose would show; unseen cells count as transparent.

    A row of the view is three neighbouring bits of the map, read by one shift: of the map itself
    when the agent looks along x, of the map turned by 90° when it looks along y. For walkable cells
    off the rim of the map.
    """
    if heading & 1:
        x, y = divmod(cell, known.height)
        stride, unknown, opaque = known.width, known.unknown_by_y, known.opaque_by_y
        at = y * stride + x - 1
    else:
        stride, unknown, opaque = known.height, known.unknown, known.opaque
        at = cell - 1
    if heading >= 2:
        # Two rows of padding, or the view would begin before the first bit.
        unknown, opaque, at, stride = (
            unknown << 2 * stride,
            opaque << 2 * stride,
            at + 2 * stride,
            -stride,
        )
    far, near = at + 2 * stride, at + stride
    unseen = unknown >> at & 7 | (unknown >> near & 7) << 3 | (unknown >> far & 7) << 6
    blocked = opaque >> at & 7 | (opaque >> near & 7) << 3 | (opaque >> far & 7) << 6
    # Looking down or left, rising bits run from the agent's right to its left.
    table = _MIRRORED if heading in (1, 2) else VISIBLE
    return (table[blocked] & unseen).bit_count()


def _lookouts(known: KnownMap) -> tuple[int, int, int, int]:
    """For each heading, the walkable cells with a frontier cell in view (if light gets there)."""
    h, frontier, ok = known.height, known.frontier, known.walkable
    # Three cells wide, across the direction of view, then three cells back.
    by_y = frontier | frontier << 1 | frontier >> 1
    by_x = frontier | frontier << h | frontier >> h
    return (
        (by_y | by_y >> h | by_y >> 2 * h) & ok,
        (by_x | by_x >> 1 | by_x >> 2) & ok,
        (by_y | by_y << h | by_y << 2 * h) & ok,
        (by_x | by_x << 1 | by_x << 2) & ok,
    )


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
