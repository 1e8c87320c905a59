"""What an agent with a 3×3 view sees, by table look-up instead of ray casting."""

from __future__ import annotations

from functools import cache

VIEW = 3
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


def _visible(opaque: int) -> int:
    """Spread light row by row from the agent's cell; opaque cells are seen but stop it.

    The rule of MiniGrid's ``Grid.process_vis``: within a row light runs sideways, and each lit
    transparent cell lights the row ahead, straight and on the side light runs to.
    """
    lit = 1 << 1
    for depth in range(VIEW):
        for order, step in (((0, 1), 1), ((2, 1), -1)):
            for side in order:
                cell = 3 * depth + side
                if not lit >> cell & 1 or opaque >> cell & 1:
                    continue
                lit |= 1 << (cell + step)
                if depth + 1 < VIEW:
                    lit |= 1 << (cell + 3) | 1 << (cell + 3 + step)
    return lit


VISIBLE = tuple(_visible(opaque) for opaque in range(512))
"""For each set of opaque cells (bit i = cell i of `view_offsets`): the set of cells seen."""
