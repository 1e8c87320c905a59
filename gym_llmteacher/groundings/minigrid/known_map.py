"""The map an agent has in its head, as sets of cells in the bits of Python integers.

Read from an encoded map, whoever made it: the env (door-key tasks), or a memory of partial views.
Cell ``(x, y)`` is bit ``x * height + y``; a step in x is then a shift by ``height``, a step in y a
shift by 1, and a whole layer of a breadth-first search is a handful of shifts and ands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX
from numpy.typing import NDArray

from gym_llmteacher.groundings.minigrid.things import THINGS, Thing, look_of

_UNSEEN, _EMPTY = OBJECT_TO_IDX["unseen"], OBJECT_TO_IDX["empty"]
_FLOOR, _GOAL = OBJECT_TO_IDX["floor"], OBJECT_TO_IDX["goal"]
_DOOR, _WALL = OBJECT_TO_IDX["door"], OBJECT_TO_IDX["wall"]
_THINGS = frozenset(OBJECT_TO_IDX[name] for name in THINGS)
_WALKABLE = np.isin(np.arange(256), (_EMPTY, _FLOOR, _GOAL))


@dataclass(frozen=True)
class KnownMap:
    """What is known of the grid; every set of cells is an int with one bit per cell.

    :param height: number of cells per column, the shift of a step in x
    :param walkable: known cells that can be stepped on without harm
    :param opaque: known cells that block the view
    :param unknown: cells not seen yet
    :param frontier: unseen cells beside a known transparent one: every look that shows something
        new shows one of these first
    :param opaque_by_y: ``opaque`` of the transposed map: cell ``(x, y)`` is bit ``y * width + x``
    :param unknown_by_y: ``unknown`` of the transposed map
    :param free: known cells that hold nothing
    :param things: keys, doors, balls, boxes and goals, in order of their cells
    """

    width: int
    height: int
    walkable: int
    opaque: int
    unknown: int
    frontier: int
    opaque_by_y: int
    unknown_by_y: int
    free: int
    things: tuple[Thing, ...]


def bits(mask: NDArray[np.bool_]) -> int:
    """Write a mask over cells ``(width, height)`` as an int, one bit per cell."""
    return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")


def known_map(cells: NDArray[np.uint8], agent_cell: int) -> KnownMap:
    """Read an encoded map.

    :param cells: uint8 ``(width, height, 3)``, MiniGrid's codes of type, colour and state, indexed
        ``[x, y]``; type 0 where nothing has been seen
    :param agent_cell: the agent's own cell, which counts as empty whatever is drawn there
    """
    width, height = cells.shape[:2]
    flat = cells.reshape(-1, 3)
    kinds = flat[:, 0]
    here = 1 << agent_cell
    unseen, walls = kinds == _UNSEEN, kinds == _WALL
    unseen[agent_cell] = False
    walkable = bits(_WALKABLE[kinds]) | here
    things = []
    for cell in np.flatnonzero(kinds >= _DOOR).tolist():
        kind, color, state = flat[cell].tolist()
        if kind in _THINGS and cell != agent_cell:
            look = look_of(kind, color, state)
            if look.is_open:
                walkable |= 1 << cell
            walls[cell] = kind == _DOOR and not look.is_open
            things.append(Thing(look, cell))
    unknown, opaque = bits(unseen), bits(walls)
    light = ((1 << width * height) - 1) & ~unknown & ~opaque
    light |= light << 1 | light >> 1
    light |= light << height | light >> height
    return KnownMap(
        width,
        height,
        walkable=walkable,
        opaque=opaque,
        unknown=unknown,
        frontier=unknown & light,
        opaque_by_y=bits(walls.reshape(width, height).T),
        unknown_by_y=bits(unseen.reshape(width, height).T),
        free=bits(kinds == _EMPTY) & ~here,
        things=tuple(things),
    )
