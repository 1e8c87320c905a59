"""Options for levels of several rooms, seen through a partial view."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gym_llmteacher.groundings.minigrid.known_map import Thing
from gym_llmteacher.groundings.minigrid.navigation import (
    Route,
    ahead,
    facing,
    reachable_layers,
)
from gym_llmteacher.groundings.minigrid.options import DROP, TOGGLE, Skills
from gym_llmteacher.groundings.minigrid.wide_view import Goal, best_look, doors_to_open

DONE = 6


@dataclass
class RoomSkills(Skills):
    """`Skills` that also open doors on the way, step onto goals, and keep passages free.

    :param view: cells per side of the view
    :param walls: whether walls block the view
    :param shut: doors that exploring leaves shut while there is anything else to see
    """

    view: int = 7
    walls: bool = True
    shut: frozenset[int] = frozenset()
    _best: dict[tuple[int, int], Goal | None] = field(default_factory=dict)

    def looking(self, cell: int, heading: int) -> Goal | None:
        """Where exploring goes to from here; ``None`` when everything in reach has been seen."""
        pose = (cell, heading)
        if pose not in self._best:
            goal = best_look(self.known, *pose, self.view, self.walls, self.shut)
            if goal is None and self.shut:
                goal = best_look(self.known, *pose, self.view, self.walls, frozenset())
            self._best[pose] = goal
        return self._best[pose]

    def explore(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Go where most unseen cells come into view per step; open doors that are not locked."""
        goal = self.looking(cell, heading)
        if goal is None:
            return None
        action = self._to_poses((goal[:2],)).action(cell, heading)
        return TOGGLE if action is None and goal[2] else action

    def go_to(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Walk until one of the targets is ahead; onto it, if it is a goal."""
        if targets and targets[0].look.kind == "goal":
            poses = tuple((thing.cell, direction) for thing in targets for direction in range(4))
            return self._to_poses(poses).action(cell, heading)
        return super().go_to(targets, cell, heading)

    def open(self, targets: Iterable[Thing], cell: int, heading: int) -> int | None:
        """Open the door or box ahead; a door that is open already is closed first."""
        front = self.front(cell, heading)
        found = list(targets)
        shut = [thing for thing in found if not thing.look.is_open]
        return TOGGLE if any(thing.cell == front for thing in shut or found) else None

    def drop(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Put down what is held: on the nearest free cell that nobody has to pass."""
        free = self.known.free
        for allowed, may_split in ((self._away_from_doors(), False), (free, False), (free, True)):
            place = self._nearest_place(allowed, may_split, cell, heading)
            if place is not None:
                action = self._to_poses((place,)).action(cell, heading)
                return DROP if action is None else action
        return None

    def _nearest_place(
        self, allowed: int, may_split: bool, cell: int, heading: int
    ) -> tuple[int, int] | None:
        """The nearest pose before one of the allowed cells."""
        h, walkable = self.known.height, self.known.walkable
        refused = 0
        for layer in reachable_layers(cell, heading, walkable, h):
            for direction in range(4):
                step = ahead(h, direction)
                fronts = layer[direction] << step if step > 0 else layer[direction] >> -step
                for at in _cells(fronts & allowed & ~refused):
                    if may_split or not self._splits(1 << at, cell):
                        return at - step, direction
                    refused |= 1 << at
        return None

    def put_beside(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Put down what is held right beside a target."""
        around = 0
        for thing in targets:
            for direction in range(4):
                around |= 1 << thing.cell + ahead(self.known.height, direction)
        around &= self.known.free
        if around >> self.front(cell, heading) & 1:
            return DROP
        places = tuple(_cells(around))
        return self._route_to(places).action(cell, heading)

    def done(self, targets: Sequence[Thing], cell: int, heading: int) -> int | None:
        """Say that the mission is fulfilled."""
        return DONE

    # -- what is in the way ---------------------------------------------------------------------

    def reaches(self, targets: Sequence[Thing], cell: int, heading: int) -> bool:
        """Whether there is a way to a target."""
        known = self.known
        region = self._region(cell, known.walkable)
        if targets and targets[0].look.kind == "goal":
            return any(region >> thing.cell & 1 for thing in targets)
        poses = facing((thing.cell for thing in targets), known.walkable, known.height)
        return any(region >> at & 1 for at, _ in poses)

    def obstacle(self, targets: Sequence[Thing], cell: int) -> Thing | None:
        """The first thing to be carried away on the way to a target, or to what is unseen.

        :param targets: ``()``: whatever borders on unseen cells
        """
        known, h = self.known, self.known.height
        movable = {t.cell: t for t in known.things if t.look.kind in ("key", "ball", "box")}
        passable = known.walkable
        for at in movable:
            passable |= 1 << at
        if targets:
            ends = {at for at, _ in facing((t.cell for t in targets), passable, h)}
        else:
            beside = known.unknown
            for door in doors_to_open(known, frozenset()):
                beside |= 1 << door
            beside = beside << 1 | beside >> 1 | beside << h | beside >> h
            ends = set(_cells(beside & passable & ~self._region(cell, known.walkable)))
        came_from = {cell: cell}
        todo = deque([cell])
        while todo:
            at = todo.popleft()
            if at in ends:
                path = [at]
                while path[-1] != cell:
                    path.append(came_from[path[-1]])
                blocking = [movable[step] for step in reversed(path) if step in movable]
                return blocking[0] if blocking else None
            for direction in range(4):
                step = at + ahead(h, direction)
                if passable >> step & 1 and step not in came_from:
                    came_from[step] = at
                    # What need not be carried away comes first.
                    (todo.append if step in movable else todo.appendleft)(step)
        return None

    # -- sets of cells ----------------------------------------------------------------------------

    def _to_poses(self, poses: tuple[tuple[int, int], ...]) -> Route:
        key = tuple(value for pose in poses for value in (-1, *pose))
        if key not in self._routes:
            self._routes[key] = Route(poses, self.known.walkable, self.known.height)
        return self._routes[key]

    def _region(self, cell: int, walkable: int) -> int:
        """Cells that can be walked to."""
        h, region = self.known.height, 1 << cell
        while True:
            more = (region | region << 1 | region >> 1 | region << h | region >> h) & walkable
            more |= region
            if more == region:
                return region
            region = more

    def _splits(self, low: int, cell: int) -> bool:
        """Whether a thing in this one cell would cut off cells from the agent's."""
        walkable = self.known.walkable
        return self._region(cell, walkable) & ~low != self._region(cell, walkable & ~low)

    def _away_from_doors(self) -> int:
        known = self.known
        allowed = known.free
        for thing in known.things:
            if thing.look.kind == "door":
                for direction in range(4):
                    allowed &= ~(1 << thing.cell + ahead(known.height, direction))
        return allowed


def _cells(bits: int) -> list[int]:
    cells = []
    while bits:
        low = bits & -bits
        bits ^= low
        cells.append(low.bit_length() - 1)
    return cells
