"""What an option is about, in numbers: where it is, and what it looks like."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """The thing an option is about, or a place to look at.

    :param ahead: cells ahead of the agent; negative: behind
    :param right: cells to its right; negative: to its left
    :param kind: MiniGrid's code of the type; 0: a place, not a thing
    :param color: MiniGrid's code of the colour
    :param state: 0 open, 1 closed, 2 locked
    :param left: actions until the option is done, by the shortest way known; ``None``: no way is
    :param place: ``(x, y)`` of a place to look at; ``None``: a thing, wherever it is
    """

    ahead: int
    right: int
    kind: int = 0
    color: int = 0
    state: int = 0
    left: int | None = None
    place: tuple[int, int] | None = None

    @classmethod
    def seen_from(
        cls,
        cell: tuple[int, int],
        at: tuple[int, int],
        heading: int,
        look: tuple[int, int, int] = (0, 0, 0),
    ) -> Target:
        """A cell as the agent sees it.

        :param cell: ``(x, y)`` of the target
        :param at: ``(x, y)`` of the agent
        :param heading: right, down, left, up
        :param look: codes of type, colour and state

        >>> Target.seen_from((5, 1), (2, 1), 1)  # looking down, it is to the left
        Target(ahead=0, right=-3, kind=0, color=0, state=0, left=None, place=None)
        """
        dx, dy = cell[0] - at[0], cell[1] - at[1]
        fx, fy = ((1, 0), (0, 1), (-1, 0), (0, -1))[heading]
        return cls(dx * fx + dy * fy, dy * fx - dx * fy, *look)
