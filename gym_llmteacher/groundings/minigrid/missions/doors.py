"""Ways through doors that were shut again."""

from __future__ import annotations

from gym_llmteacher.groundings.minigrid.navigation import FORWARD, TOGGLE, Route, ahead
from gym_llmteacher.option_actions import Actions


class RouteThroughDoors(Route):
    """`Route` that opens doors where there is no other way.

    A student that shuts a door behind it has cut itself off from what it knows.

    :param free: ways that need no door
    :param through: ways on which every door counts as open
    :param doors: cells of doors that are closed and can be opened, as bits
    """

    def __init__(self, free: Route, through: Route, doors: int, height: int) -> None:
        self._free, self._through = free, through
        self._doors, self._height = doors, height

    def distance(self, cell: int, heading: int) -> int | None:
        """Return the number of actions to the nearest goal, doors to be opened not counted."""
        distance = self._free.distance(cell, heading)
        return self._through.distance(cell, heading) if distance is None else distance

    def action(self, cell: int, heading: int) -> Actions:
        """Return the first action: as without doors if there is a way, else open what is ahead."""
        if self._free.distance(cell, heading) is not None:
            return self._free.action(cell, heading)
        action = self._through.action(cell, heading)
        is_door = self._doors >> (cell + ahead(self._height, heading)) & 1
        return TOGGLE if action == FORWARD and is_door else action
