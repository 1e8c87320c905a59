"""Options for levels of several rooms: doors are opened on the way, passages are kept free."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from gym_llmteacher.groundings.minigrid.explore import Lookout, best_looks, doors_to_open
from gym_llmteacher.groundings.minigrid.navigation import (
    DONE,
    DROP,
    ahead,
    beside,
    cells_in,
    facing,
    reachable_layers,
)
from gym_llmteacher.groundings.minigrid.skills import Pose, Skills
from gym_llmteacher.groundings.minigrid.things import MOVABLE, Thing
from gym_llmteacher.option_actions import Actions


@dataclass
class RoomSkills(Skills):
    """`Skills` that also open doors on the way, step onto goals, and keep passages free.

    :param shut: doors that exploring leaves shut while there is anything else to see
    """

    shut: frozenset[int] = frozenset()

    def best_lookouts(self, cell: int, heading: int) -> tuple[Lookout, ...]:
        """Search for them, also behind doors that are closed but not locked."""
        known, view, walls = self.known, self.view, self.walls
        doors = doors_to_open(known, self.shut)
        looks = best_looks(known, cell, heading, view, walls, doors)
        if not looks and self.shut:
            looks = best_looks(known, cell, heading, view, walls, doors_to_open(known))
        return looks

    def go_to(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Walk until one of the targets is ahead; onto it, if it is a goal."""
        if targets and targets[0].look.kind == "goal":
            poses = tuple((thing.cell, direction) for thing in targets for direction in range(4))
            return self.route_to(poses).action(cell, heading)
        return super().go_to(targets, cell, heading)

    def drop(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Put down what is held: on the nearest free cell that nobody has to pass."""
        free = self.known.free
        for allowed, may_split in ((self.away_from_doors(), False), (free, False), (free, True)):
            place = self._nearest_place(allowed, may_split, cell, heading)
            if place is not None:
                action = self.route_to((place,)).action(cell, heading)
                return DROP if action is None else action
        return None

    def put_beside(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Put down what is held right beside a target."""
        places = 0
        for thing in targets:
            places |= 1 << thing.cell
        places = beside(places, self.known.height) & self.known.free
        if places >> self.front(cell, heading) & 1:
            return DROP
        return self.route_before(tuple(cells_in(places))).action(cell, heading)

    def done(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Say that the mission is fulfilled."""
        return DONE

    # -- what is in the way -----------------------------------------------------------------------

    def reaches(self, targets: Sequence[Thing], cell: int) -> bool:
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
        movable = {thing.cell: thing for thing in known.things if thing.look.kind in MOVABLE}
        passable = known.walkable
        for at in movable:
            passable |= 1 << at
        if targets:
            ends = {at for at, _ in facing((t.cell for t in targets), passable, h)}
        else:
            unseen = known.unknown
            for door in doors_to_open(known):
                unseen |= 1 << door
            region = self._region(cell, known.walkable)
            ends = set(cells_in(beside(unseen, h) & passable & ~region))
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

    # -- where things may be put ------------------------------------------------------------------

    def _nearest_place(self, allowed: int, may_split: bool, cell: int, heading: int) -> Pose | None:
        """The nearest pose before one of the allowed cells."""
        h, walkable = self.known.height, self.known.walkable
        refused = 0
        for layer in reachable_layers(cell, heading, walkable, h):
            for direction in range(4):
                step = ahead(h, direction)
                fronts = layer[direction] << step if step > 0 else layer[direction] >> -step
                for at in cells_in(fronts & allowed & ~refused):
                    if may_split or not self._splits(1 << at, cell):
                        return at - step, direction
                    refused |= 1 << at
        return None

    def _region(self, cell: int, walkable: int) -> int:
        """Cells that can be walked to."""
        region = 1 << cell
        while True:
            more = region | beside(region, self.known.height) & walkable
            if more == region:
                return region
            region = more

    def _splits(self, place: int, cell: int) -> bool:
        """Whether a thing in this one cell would cut off cells from the agent's."""
        walkable = self.known.walkable
        return self._region(cell, walkable) & ~place != self._region(cell, walkable & ~place)
