"""Options for levels of several rooms: doors are opened on the way, passages are kept free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import heappop, heappush

from gym_llmteacher.groundings.minigrid.explore import Lookout, best_looks, doors_to_open
from gym_llmteacher.groundings.minigrid.known_map import KnownMap
from gym_llmteacher.groundings.minigrid.missions.doors import RouteThroughDoors
from gym_llmteacher.groundings.minigrid.navigation import (
    DONE,
    DROP,
    Route,
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
        if not looks and self._doors:
            through = self._through_doors
            looks = best_looks(through, cell, heading, view, walls, doors_to_open(through))
        return looks

    def way(self, goals: Callable[[int], Iterable[Pose]]) -> Route:
        """Ways to poses, through doors that are shut where there is no other."""
        free = super().way(goals)
        if not self._doors:
            return free
        walkable, height = self._through_doors.walkable, self.known.height
        return RouteThroughDoors(
            free, Route(goals(walkable), walkable, height), self._doors, height
        )

    def go_to(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Walk until one of the targets is ahead; onto it, if it is a goal."""
        if targets and targets[0].look.kind == "goal":
            poses = tuple((thing.cell, direction) for thing in targets for direction in range(4))
            return self.route_to(poses).action(cell, heading)
        return super().go_to(targets, cell, heading)

    def drop(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Put down what is held: on the nearest free cell that nobody has to pass."""
        free, never = self.known.free, lambda place, cell: False
        for allowed, spoils in (
            (self.away_from_doors(), self._hides),
            (free, self._hides),
            (free, self._splits),
            (free, never),
        ):
            place = self._nearest_place(allowed, spoils, cell, heading)
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
        known = self._through_doors
        region = self._region(cell, known.walkable)
        if targets and targets[0].look.kind == "goal":
            return any(region >> thing.cell & 1 for thing in targets)
        poses = facing((thing.cell for thing in targets), known.walkable, known.height)
        return any(region >> at & 1 for at, _ in poses)

    def obstacle(self, targets: Sequence[Thing], cell: int) -> Thing | None:
        """The first thing to be carried away on the way to a target, or to what is unseen.

        :param targets: ``()``: whatever borders on unseen cells
        """
        known, h = self._through_doors, self.known.height
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
        # As few things as possible, then as few steps: who comes nearer does not change its mind.
        costs, todo = {cell: (0, 0)}, [(0, 0, cell, -1)]
        while todo:
            carried, steps, at, first = heappop(todo)
            if at in ends:
                return movable.get(first)
            for direction in range(4):
                step = at + ahead(h, direction)
                cost = (carried + (step in movable), steps + 1)
                if passable >> step & 1 and (step not in costs or cost < costs[step]):
                    costs[step] = cost
                    heappush(todo, (*cost, step, step if first < 0 and step in movable else first))
        return None

    # -- what is known -----------------------------------------------------------------------------

    @cached_property
    def _things(self) -> int:
        """Where things are, as bits."""
        return sum(1 << thing.cell for thing in self.known.things)

    @cached_property
    def _doors(self) -> int:
        """Doors that are closed, not locked, as bits."""
        return sum(1 << thing.cell for thing in self.known.things if thing.look.is_shut)

    @cached_property
    def _through_doors(self) -> KnownMap:
        """What is known, where doors that are not locked count as open."""
        return replace(self.known, walkable=self.known.walkable | self._doors)

    # -- where things may be put ------------------------------------------------------------------

    def _nearest_place(
        self, allowed: int, spoils: Callable[[int, int], bool], cell: int, heading: int
    ) -> Pose | None:
        """The nearest pose before one of the allowed cells.

        :param spoils: whether a thing in a place, as a bit, would be in the way of the agent's cell
        """
        h, walkable = self.known.height, self.known.walkable
        refused = 0
        for layer in reachable_layers(cell, heading, walkable, h):
            for direction in range(4):
                step = ahead(h, direction)
                fronts = layer[direction] << step if step > 0 else layer[direction] >> -step
                for at in cells_in(fronts & allowed & ~refused):
                    if not spoils(1 << at, cell):
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

    def _hides(self, place: int, cell: int) -> bool:
        """Whether a thing in this one cell would cut off cells, or other things."""
        walkable, height = self.known.walkable, self.known.height
        before, after = (self._region(cell, ok) for ok in (walkable, walkable & ~place))
        hidden = beside(before, height) & ~beside(after, height) & self._things
        return before & ~place != after or bool(hidden)
