"""What things in a MiniGrid world look like."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from minigrid.core.constants import COLOR_TO_IDX, IDX_TO_COLOR, IDX_TO_OBJECT, OBJECT_TO_IDX

MOVABLE = ("key", "ball", "box")
THINGS = (*MOVABLE, "door", "goal")
"""Kinds of objects that words speak of; walls, floor and lava are only walked around or on."""

_OPEN, _LOCKED = 0, 2


class Look(NamedTuple):
    """What a thing looks like."""

    kind: str
    color: str
    is_open: bool = False
    is_locked: bool = False

    @property
    def is_shut(self) -> bool:
        """Whether this is a door that is closed, not locked.

        >>> Look("door", "red").is_shut, Look("door", "red", is_locked=True).is_shut
        (True, False)
        """
        return self.kind == "door" and not self.is_open and not self.is_locked

    def is_unlocked_by(self, held: Look | None) -> bool:
        """Whether this is a locked door, and what is held is its key.

        >>> Look("door", "red", is_locked=True).is_unlocked_by(Look("key", "red"))
        True
        """
        return (
            self.is_locked and held is not None and held.kind == "key" and held.color == self.color
        )


class Thing(NamedTuple):
    """An object on a map: what it looks like, and the number of its cell."""

    look: Look
    cell: int


@cache
def look_of(kind: int, color: int, state: int = 1) -> Look:
    """Read MiniGrid's codes of type, colour and state.

    >>> look_of(4, 0, 2)
    Look(kind='door', color='red', is_open=False, is_locked=True)
    """
    name = IDX_TO_OBJECT[kind]
    is_door = name == "door"
    return Look(name, IDX_TO_COLOR[color], is_door and state == _OPEN, is_door and state == _LOCKED)


def codes_of(look: Look) -> tuple[int, int, int]:
    """MiniGrid's codes of type, colour and state; what is no door is open.

    >>> codes_of(Look("door", "red", is_locked=True))
    (4, 0, 2)
    """
    closed = look.kind == "door" and not look.is_open
    state = _LOCKED if look.is_locked else int(closed)
    return OBJECT_TO_IDX[look.kind], COLOR_TO_IDX[look.color], state
