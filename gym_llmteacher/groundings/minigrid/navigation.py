"""Shortest paths over position × heading, on bitboards.

States are ``(cell, heading)``; actions are turn left, turn right and forward, at cost 1 each.
A set of states is four ints, one per heading, with one bit per cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gym_llmteacher.option_actions import Actions

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE, DONE = range(7)
"""MiniGrid's actions."""
N_ACTIONS = 7

Layer = tuple[int, int, int, int]


def ahead(height: int, heading: int) -> int:
    """Difference in cell number of one step in this heading (right, down, left, up)."""
    return (height, 1, -height, -1)[heading]


def beside(cells: int, height: int) -> int:
    """The cells next to these, on any of four sides; sets of cells as bits."""
    return cells << 1 | cells >> 1 | cells << height | cells >> height


def cells_in(bits: int) -> list[int]:
    """Numbers of the cells in a set, in order.

    >>> cells_in(0b1010)
    [1, 3]
    """
    cells = []
    while bits:
        low = bits & -bits
        bits ^= low
        cells.append(low.bit_length() - 1)
    return cells


class Route:
    """Shortest ways from anywhere to a set of states, searched backwards and only as far as asked.

    While the map stays the same, following a route costs a look-up per step.

    :param goals: states ``(cell, heading)`` to reach
    :param walkable: cells that may be stepped on, as bits
    """

    def __init__(self, goals: Iterable[tuple[int, int]], walkable: int, height: int) -> None:
        first = [0, 0, 0, 0]
        for cell, heading in goals:
            first[heading] |= 1 << cell
        self._walkable, self._height = walkable, height
        self._layers: list[Layer] = [(first[0], first[1], first[2], first[3])]
        self._seen = list(first)

    def _extend(self) -> bool:
        """Search one layer further back; False when everything has been reached."""
        last, h, ok = self._layers[-1], self._height, self._walkable
        seen = self._seen
        new = (
            (last[3] | last[1] | (last[0] >> h & ok)) & ~seen[0],
            (last[0] | last[2] | (last[1] >> 1 & ok)) & ~seen[1],
            (last[1] | last[3] | (last[2] << h & ok)) & ~seen[2],
            (last[2] | last[0] | (last[3] << 1 & ok)) & ~seen[3],
        )
        if not any(new):
            return False
        for heading in range(4):
            seen[heading] |= new[heading]
        self._layers.append(new)
        return True

    def distance(self, cell: int, heading: int) -> int | None:
        """Return the number of actions to the nearest goal, or ``None`` if there is no way."""
        bit = 1 << cell
        while not self._seen[heading] & bit:
            if not self._extend():
                return None
        for distance, layer in enumerate(self._layers):
            if layer[heading] & bit:
                return distance
        raise AssertionError("a seen state is in some layer")

    def action(self, cell: int, heading: int) -> Actions:
        """Return the first action of a shortest way; ``None`` at the goal or without a way.

        Forward, where some shortest way begins so. Where the left is as near as the right: both,
        so that what a student imitates is the same in the mirror.
        """
        distance = self.distance(cell, heading)
        if not distance:
            return None
        nearer = self._layers[distance - 1]
        front = cell + ahead(self._height, heading)
        if front >= 0 and self._walkable >> front & 1 and nearer[heading] >> front & 1:
            return FORWARD
        if not nearer[(heading - 1) % 4] >> cell & 1:
            return RIGHT
        return (LEFT, RIGHT) if nearer[(heading + 1) % 4] >> cell & 1 else LEFT


def facing(targets: Iterable[int], walkable: int, height: int) -> list[tuple[int, int]]:
    """States from which one of the ``targets`` is the cell ahead."""
    states = []
    for target in targets:
        for heading in range(4):
            cell = target - ahead(height, heading)
            if cell >= 0 and walkable >> cell & 1:
                states.append((cell, heading))
    return states


def reachable_layers(cell: int, heading: int, walkable: int, height: int) -> Iterator[Layer]:
    """Yield the states at distance 0, 1, 2, ... from here."""
    first = [0, 0, 0, 0]
    first[heading] = 1 << cell
    a, b, c, d = first  # facing right, down, left, up
    seen_a, seen_b, seen_c, seen_d = first
    while a | b | c | d:
        yield a, b, c, d
        a, b, c, d = (
            (d | b | (a << height & walkable)) & ~seen_a,
            (a | c | (b << 1 & walkable)) & ~seen_b,
            (b | d | (c >> height & walkable)) & ~seen_c,
            (c | a | (d >> 1 & walkable)) & ~seen_d,
        )
        seen_a, seen_b, seen_c, seen_d = seen_a | a, seen_b | b, seen_c | c, seen_d | d
