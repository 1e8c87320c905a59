"""MiniGrid's rule of sight: what is seen from a cell, for views of any size.

The rule is written once, row by row (`spread_of_light`). `VISIBLE` is its result for the 3×3 view
of ``LLMTeacher/*``, looked up at once.
"""

from __future__ import annotations

from functools import cache

VIEW = 3
"""Cells per side of the view in ``LLMTeacher/*``."""
DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Heading 0 .. 3 as (dx, dy): right, down, left, up, as in MiniGrid."""


@cache
def view_offsets(heading: int) -> tuple[tuple[int, int], ...]:
    """Offsets (dx, dy) of the 9 cells in view: three rows of three, the agent's own row first.

    Within a row: left of the agent, ahead, right. Cell 1 is the agent's own.
    """
    fx, fy = DIRECTIONS[heading]
    rx, ry = -fy, fx
    return tuple(
        (depth * fx + side * rx, depth * fy + side * ry)
        for depth in range(VIEW)
        for side in (-1, 0, 1)
    )


@cache
def spread_of_light(view: int) -> tuple[int, ...]:
    """For a row of the view: cells lit in it, and cells lit in the row ahead.

    The rule of MiniGrid's ``Grid.process_vis``, a row at a time: light runs sideways through
    transparent cells, and each lit transparent cell lights the three cells ahead of it. Opaque
    cells are seen, but stop it.

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


def _visible(opaque: int) -> int:
    """Cells seen among these opaque ones, both as bits in the order of `view_offsets`."""
    table, row = spread_of_light(VIEW), (1 << VIEW) - 1
    seen, lit = 0, 1 << VIEW // 2
    for depth in range(VIEW):
        spread = table[(opaque >> VIEW * depth & row) << VIEW | lit]
        seen |= (spread & row) << VIEW * depth
        lit = spread >> VIEW
    return seen


VISIBLE = tuple(_visible(opaque) for opaque in range(1 << VIEW * VIEW))
"""For each set of opaque cells (bit i = cell i of `view_offsets`): the set of cells seen."""
