"""Exploration with a view of any size, through doors that are closed but not locked."""

from __future__ import annotations

from functools import cache

from gym_llmteacher.groundings.minigrid.known_map import KnownMap
from gym_llmteacher.groundings.minigrid.navigation import ahead, reachable_layers

_BEHIND_A_DOOR = 12
"""Unseen cells that opening a door is expected to show."""

Goal = tuple[int, int, bool]
"""Cell and heading to go to, and whether to open the door that is ahead there."""


@cache
def spread_of_light(view: int) -> tuple[int, ...]:
    """For a row of the view: cells lit in it, and cells lit in the row ahead.

    The rule of MiniGrid's ``Grid.process_vis``, a row at a time: light runs sideways through
    transparent cells, and each lit transparent cell lights the three cells ahead of it.

    :return: indexed by ``opaque << view | lit so far``; lit cells of this row in the low bits,
        those of the next row above them
    """
    full = (1 << view) - 1
    table = []
    for opaque in range(full + 1):
        for lit in range(full + 1):
            while True:
                clear = lit & ~opaque
                more = (lit | clear << 1 | clear >> 1) & full
                if more == lit:
                    break
                lit = more
            table.append(lit | ((clear | clear << 1 | clear >> 1) & full) << view)
    return tuple(table)


def unseen_in_view(known: KnownMap, cell: int, heading: int, view: int, walls: bool = True) -> int:
    """How many unseen cells this pose would show; unseen cells count as transparent.

    For cells at least one view away from the rim of the map.

    :param walls: whether walls block the view
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


def _lookouts(known: KnownMap, view: int) -> tuple[int, int, int, int]:
    """For each heading, the walkable cells with a frontier cell in view (if light gets there)."""
    h, ok = known.height, known.walkable
    by_y = by_x = known.frontier
    for _ in range(view // 2):
        by_y |= by_y << 1 | by_y >> 1
        by_x |= by_x << h | by_x >> h
    right, down, left, up = by_y, by_x, by_y, by_x
    for _ in range(view - 1):
        right |= right >> h
        down |= down >> 1
        left |= left << h
        up |= up << 1
    return right & ok, down & ok, left & ok, up & ok


def doors_to_open(known: KnownMap, shut: frozenset[int]) -> set[int]:
    """Cells of doors that are closed, not locked, and have something unseen beside them.

    :param shut: cells of doors that are not to be opened
    """
    cells = set()
    for thing in known.things:
        look, at = thing.look, thing.cell
        if look.kind != "door" or look.is_open or look.is_locked or at in shut:
            continue
        if any(known.unknown >> at + ahead(known.height, heading) & 1 for heading in range(4)):
            cells.add(at)
    return cells


def best_look(
    known: KnownMap, cell: int, heading: int, view: int, walls: bool, shut: frozenset[int]
) -> Goal | None:
    """Return where most unseen cells come into view per action, or ``None`` if all has been seen.

    Ties go to the nearer pose, then to the lower heading and cell. The search ends as soon as no
    farther pose can be better.
    """
    doors = doors_to_open(known, shut)
    if not known.frontier and not doors:
        return None
    h = known.height
    lookouts = _lookouts(known, view)
    thresholds = [0, 0, 0, 0]
    for door in doors:
        for direction in range(4):
            thresholds[direction] |= 1 << door - ahead(h, direction)
    most = max(view * view - 1, _BEHIND_A_DOOR)
    best: float = 0.0
    choice: Goal | None = None
    for distance, layer in enumerate(reachable_layers(cell, heading, known.walkable, h)):
        if best * max(1, distance) >= most:
            break
        for direction in range(4):
            if layer[direction] & thresholds[direction] and best * (distance + 1) < _BEHIND_A_DOOR:
                found = layer[direction] & thresholds[direction]
                best = _BEHIND_A_DOOR / (distance + 1)
                choice = ((found & -found).bit_length() - 1, direction, True)
            bits = layer[direction] & lookouts[direction] if distance else 0
            while bits:
                low = bits & -bits
                bits ^= low
                at = low.bit_length() - 1
                unseen = unseen_in_view(known, at, direction, view, walls)
                if unseen > best * distance:
                    best, choice = unseen / distance, (at, direction, False)
    return choice
