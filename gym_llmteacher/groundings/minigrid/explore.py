"""Exploration that uncovers the map: go where most unseen cells come into view per action.

It serves views of any size. A 3×3 view, as the door-key tasks have it, takes a faster way to the
same counts: one look-up instead of one per row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache, partial

from gym_llmteacher.envs.visibility import VIEW, VISIBLE, spread_of_light
from gym_llmteacher.groundings.minigrid.known_map import KnownMap
from gym_llmteacher.groundings.minigrid.navigation import (
    ahead,
    beside,
    cells_in,
    reachable_layers,
)

_BEHIND_A_DOOR = 12
"""Unseen cells that opening a door is expected to show."""
_NEIGHBOURHOOD = 5
"""Cells on each side of a look among which what is left unseen is counted."""

Lookout = tuple[int, int, bool]
"""Where to go to see more: cell, heading, and whether to open the door that is ahead there."""


# -- what a look would show -----------------------------------------------------------------------

Count = Callable[[KnownMap, int, int], int]
"""How many unseen cells a pose (cell, heading) would show; unseen cells count as transparent."""


@cache
def counter(view: int, walls: bool = True) -> Count:
    """Return the fastest function that counts for a view of this size.

    :param walls: whether walls block the view
    """
    return by_table if view == VIEW and walls else partial(by_row, view=view, walls=walls)


def by_row(known: KnownMap, cell: int, heading: int, view: int = VIEW, walls: bool = True) -> int:
    """Count by spreading light from row to row.

    For cells at least ``view`` cells from the rim of the map.

    A row of the view is some neighbouring bits of the map, read by one shift: of the map itself
    when the agent looks along x, of the map turned by 90° when it looks along y.
    """
    if heading & 1:
        x, y = divmod(cell, known.height)
        stride, unknown, opaque = known.width, known.unknown_by_y, known.opaque_by_y
        at = y * stride + x - view // 2
    else:
        stride, unknown, opaque = known.height, known.unknown, known.opaque
        at = cell - view // 2
    if heading >= 2:
        stride = -stride
    table, full = spread_of_light(view), (1 << view) - 1
    lit, found = 1 << view // 2, 0
    for _ in range(view):
        if not walls:
            found += (unknown >> at & full).bit_count()
        else:
            row = table[(opaque >> at & full) << view | lit]
            found += (row & unknown >> at & full).bit_count()
            lit = row >> view
            if not lit:
                break
        at += stride
    return found


def _mirror(cells: int) -> int:
    """Swap left and right in a set of cells of the 3×3 view."""
    return (cells & 0o111) << 2 | cells & 0o222 | (cells & 0o444) >> 2


_MIRRORED = tuple(_mirror(VISIBLE[_mirror(opaque)]) for opaque in range(512))


def by_table(known: KnownMap, cell: int, heading: int) -> int:
    """Count in a 3×3 view by one look-up.

    For cells off the rim of the map: the view may go beyond it.
    """
    if heading & 1:
        x, y = divmod(cell, known.height)
        stride, unknown, opaque = known.width, known.unknown_by_y, known.opaque_by_y
        at = y * stride + x - 1
    else:
        stride, unknown, opaque = known.height, known.unknown, known.opaque
        at = cell - 1
    if heading >= 2:
        stride = -stride
        if at + 2 * stride < 0:  # the view begins before the first bit: two rows of padding
            pad = -2 * stride
            unknown, opaque, at = unknown << pad, opaque << pad, at + pad
    far, near = at + 2 * stride, at + stride
    unseen = unknown >> at & 7 | (unknown >> near & 7) << 3 | (unknown >> far & 7) << 6
    blocked = opaque >> at & 7 | (opaque >> near & 7) << 3 | (opaque >> far & 7) << 6
    # Looking down or left, rising bits run from the agent's right to its left.
    table = _MIRRORED if heading in (1, 2) else VISIBLE
    return (table[blocked] & unseen).bit_count()


# -- where to look --------------------------------------------------------------------------------


def _lookouts(known: KnownMap, view: int) -> list[int]:
    """For each heading, the walkable cells with a frontier cell in view (if light gets there)."""
    h, ok = known.height, known.walkable
    # As wide as the view, across its direction, then as far back.
    right = down = known.frontier
    for _ in range(view // 2):
        right |= right << 1 | right >> 1
        down |= down << h | down >> h
    left, up = right, down
    for _ in range(view - 1):
        right |= right >> h
        down |= down >> 1
        left |= left << h
        up |= up << 1
    return [right & ok, down & ok, left & ok, up & ok]


def doors_to_open(known: KnownMap, shut: frozenset[int] = frozenset()) -> set[int]:
    """Cells of doors that are closed, not locked, and have something unseen beside them.

    :param shut: cells of doors that are not to be opened
    """
    return {
        at
        for look, at in known.things
        if look.is_shut and at not in shut
        if known.unknown & beside(1 << at, known.height)
    }


def _thresholds(doors: Collection[int], height: int) -> list[int]:
    """For each heading, the cells with one of these doors ahead."""
    return [sum(1 << door - ahead(height, heading) for door in doors) for heading in range(4)]


def best_looks(
    known: KnownMap,
    cell: int,
    heading: int,
    view: int,
    walls: bool = True,
    doors: Collection[int] = (),
) -> tuple[Lookout, ...]:
    """Return where most unseen cells come into view per action; () if all has been seen.

    Of those that are as good and as near, the ones with least unseen around them, for corners left
    behind are far when all else has been seen. The rest are all returned, so that a map that is
    turned or mirrored gives the same answer, turned or mirrored: a student can learn from its other
    sides, too. The search ends as soon as no farther pose can be better.

    :param walls: whether walls block the view
    :param doors: cells of doors that may be opened to see what is behind; off the rim of the map
    """
    if not known.frontier and not doors:
        return ()
    count, lookouts = counter(view, walls), _lookouts(known, view)
    lookouts[heading] &= ~(1 << cell)  # where the agent is, nothing new is to be seen
    most = view * view - 1  # the agent's own cell is known
    if doors:
        most, thresholds = max(most, _BEHIND_A_DOOR), _thresholds(doors, known.height)
    seen, after = 0, 1  # the best so far: unseen cells, and the actions that show them
    choice: list[Lookout] = []
    for distance, layer in enumerate(reachable_layers(cell, heading, known.walkable, known.height)):
        if seen * distance >= most * after:
            break
        here: list[tuple[int, int, Lookout]] = []
        for direction in range(4):
            if doors:
                before = cells_in(layer[direction] & thresholds[direction])
                here += [(_BEHIND_A_DOOR, distance + 1, (at, direction, True)) for at in before]
            bits = layer[direction] & lookouts[direction]
            while bits:
                low = bits & -bits
                bits ^= low
                at = low.bit_length() - 1
                here.append((count(known, at, direction), distance, (at, direction, False)))
        nearer = (seen, after)
        for shown, actions, look in here:
            if shown * after > seen * actions:
                seen, after, choice = shown, actions, [look]
            elif shown * after == seen * actions and (seen, after) != nearer:
                choice.append(look)
    if len(choice) > 1:
        around = [unseen_around(known, at, direction) for at, direction, _ in choice]
        least = min(around)
        choice = [look for look, n in zip(choice, around, strict=True) if n == least]
    return tuple(choice)


def unseen_around(known: KnownMap, cell: int, heading: int) -> int:
    """Count unseen cells in the neighbourhood of the cell ahead."""
    x, y = divmod(cell + ahead(known.height, heading), known.height)
    low, high = max(0, y - _NEIGHBOURHOOD), min(known.height, y + _NEIGHBOURHOOD + 1)
    mask = (1 << high - low) - 1
    columns = range(max(0, x - _NEIGHBOURHOOD), min(known.width, x + _NEIGHBOURHOOD + 1))
    return sum((known.unknown >> u * known.height + low & mask).bit_count() for u in columns)
