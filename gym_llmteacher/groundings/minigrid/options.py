"""What each option would do now, in MiniGrid's actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gym_llmteacher.groundings.minigrid.explore import best_view
from gym_llmteacher.groundings.minigrid.known_map import KnownMap, Thing
from gym_llmteacher.groundings.minigrid.navigation import Route, ahead, facing

PICK_UP, DROP, TOGGLE = 3, 4, 5
N_ACTIONS = 7


@dataclass
class Skills:
    """The options of an agent with this map in its head; made anew when the map changes.

    Routes are kept, so that following one costs a look-up per step. Every method returns an action
    of the env, or ``None`` when the option is finished or does not apply.

    :param known: what the agent knows of the grid
    """

    known: KnownMap
    _routes: dict[tuple[int, ...], Route] = field(default_factory=dict)
    _looks: dict[tuple[int, int], Route | None] = field(default_factory=dict)

    def _route_to(self, targets: tuple[int, ...]) -> Route:
        route = self._routes.get(targets)
        if route is None:
            known = self.known
            goals = facing(targets, known.walkable, known.height)
            route = self._routes[targets] = Route(goals, known.walkable, known.height)
        return route

    def front(self, cell: int, heading: int) -> int:
        """Return the cell ahead."""
        return cell + ahead(self.known.height, heading)

    def go_to(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Walk until one of the targets is ahead."""
        return self._route_to(tuple(t.cell for t in targets)).action(cell, heading)

    def pick_up(self, targets: Iterable[Thing], cell: int, heading: int) -> int | None:
        """Pick up the target ahead."""
        front = self.front(cell, heading)
        return PICK_UP if any(thing.cell == front for thing in targets) else None

    def open(self, targets: Iterable[Thing], cell: int, heading: int) -> int | None:
        """Open the door ahead."""
        front = self.front(cell, heading)
        return TOGGLE if any(t.cell == front and not t.look.is_open for t in targets) else None

    def drop(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Put down what is held: on the nearest free cell that is not right before a door."""
        known = self.known
        allowed = known.free
        for thing in known.things:
            if thing.look.kind == "door":
                for direction in range(4):
                    beside = thing.cell + ahead(known.height, direction)
                    if beside >= 0:
                        allowed &= ~(1 << beside)
        if allowed >> self.front(cell, heading) & 1:
            return DROP
        cells = tuple(i for i in range(known.width * known.height) if allowed >> i & 1)
        return self._route_to(cells).action(cell, heading) if cells else None

    def explore(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Go where most unseen cells come into view per step."""
        pose = (cell, heading)
        if pose not in self._looks:
            goal = best_view(self.known, cell, heading)
            self._looks[pose] = (
                None if goal is None else Route([goal], self.known.walkable, self.known.height)
            )
        route = self._looks[pose]
        return None if route is None else route.action(cell, heading)
