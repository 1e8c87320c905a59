"""What each option would do now, in MiniGrid's actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from gym_llmteacher.groundings.minigrid.explore import Lookout, best_looks
from gym_llmteacher.groundings.minigrid.known_map import KnownMap
from gym_llmteacher.groundings.minigrid.navigation import (
    DROP,
    FORWARD,
    LEFT,
    N_ACTIONS,
    PICK_UP,
    RIGHT,
    TOGGLE,
    Route,
    ahead,
    beside,
    cells_in,
    facing,
)
from gym_llmteacher.groundings.minigrid.things import Thing
from gym_llmteacher.groundings.minigrid.words import Skill
from gym_llmteacher.option_actions import Actions, LazyRows

_LONGEST_WAY = 200
"""Of actions that are followed in thought."""
Pose = tuple[int, int]
"""Cell and heading."""


@dataclass
class Skills:
    """The options of an agent with this map in its head; made anew when the map changes.

    Routes are kept, so that following one costs a look-up per step. The methods named by
    `Words.skills` take targets and pose, and return an action of the env, several that are as good,
    or ``None`` when the option is finished or does not apply.

    :param known: what the agent knows of the grid
    :param view: cells per side of the view
    :param walls: whether walls block the view
    """

    known: KnownMap
    view: int
    walls: bool = True
    _routes: dict[tuple[int, ...] | tuple[Pose, ...], Route] = field(default_factory=dict)
    _lookouts: dict[Pose, tuple[Lookout, ...]] = field(default_factory=dict)

    def rows(
        self, skills: Iterable[Skill], things: Sequence[Thing], cell: int, heading: int
    ) -> LazyRows:
        """What options do now, given by skill and numbers of their targets among the things."""
        rules = [
            partial(getattr(self, skill), [things[i] for i in targets], cell, heading)
            for skill, targets in skills
        ]
        return LazyRows(N_ACTIONS, rules)

    # -- options ----------------------------------------------------------------------------------

    def go_to(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Walk until one of the targets is ahead."""
        return self.route_before(tuple([thing.cell for thing in targets])).action(cell, heading)

    def pick_up(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Pick up the target ahead."""
        front = self.front(cell, heading)
        return PICK_UP if any(thing.cell == front for thing in targets) else None

    def open(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Open the door or box ahead; when all doors are open, one is closed first."""
        front = self.front(cell, heading)
        shut = [thing for thing in targets if not thing.look.is_open]
        return TOGGLE if any(thing.cell == front for thing in shut or targets) else None

    def drop(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Put down what is held: on the nearest free cell that is not right before a door."""
        allowed = self.away_from_doors()
        if allowed >> self.front(cell, heading) & 1:
            return DROP
        return self.route_before(tuple(cells_in(allowed))).action(cell, heading)

    def explore(self, targets: Sequence[Thing], cell: int, heading: int) -> Actions:
        """Go where most unseen cells come into view per action."""
        looks = self.lookouts(cell, heading)
        if (cell, heading, True) in looks:
            return TOGGLE
        return self.route_to(tuple([(at, facing_it) for at, facing_it, _ in looks])).action(
            cell, heading
        )

    # -- where options lead -----------------------------------------------------------------------

    def leads(
        self, skill: str, targets: Sequence[Thing], cell: int, heading: int
    ) -> tuple[int, int] | None:
        """The cell that an option is about, and the actions until it is done; ``None``: no way.

        Of exploring, that is the cell ahead where it looks: to turn, to walk or to open a door is
        told by where that cell lies, as it is for things. Of several that are as good, the first.
        """
        if skill == "explore":
            looks = self.lookouts(cell, heading)
            if not looks:
                return None
            there, facing_it, opens = looks[0]
            distance = self.route_to(((there, facing_it),)).distance(cell, heading)
            return None if distance is None else (self.front(there, facing_it), distance + opens)
        act, height = getattr(self, skill), self.known.height
        if skill in ("pick_up", "open") and act(targets, cell, heading) is None:
            way = self.leads("go_to", targets, cell, heading)
            return None if way is None else (way[0], way[1] + 1)
        ends = {thing.cell for thing in targets}
        for left in range(_LONGEST_WAY):
            actions = act(targets, cell, heading)
            action = actions[0] if isinstance(actions, tuple) else actions
            if action == FORWARD:
                cell += ahead(height, heading)
            elif action in (LEFT, RIGHT):
                heading = (heading + (1 if action == RIGHT else -1)) % 4
            else:
                # Onto a goal, or up to a thing. What is done there is one action more.
                about = cell if cell in ends else self.front(cell, heading)
                return about, left + (action is not None)
        return None

    # -- what options are made of -----------------------------------------------------------------

    def front(self, cell: int, heading: int) -> int:
        """Return the cell ahead."""
        return cell + ahead(self.known.height, heading)

    def lookouts(self, cell: int, heading: int) -> tuple[Lookout, ...]:
        """Where exploring goes to from here: all that are as good; () when all has been seen."""
        pose = (cell, heading)
        if pose not in self._lookouts:
            self._lookouts[pose] = self.best_lookouts(cell, heading)
        return self._lookouts[pose]

    def best_lookouts(self, cell: int, heading: int) -> tuple[Lookout, ...]:
        """Search for them."""
        return best_looks(self.known, cell, heading, self.view, self.walls)

    def route_before(self, cells: tuple[int, ...]) -> Route:
        """Ways to where one of these cells is ahead."""
        route = self._routes.get(cells)
        if route is None:
            route = self._routes[cells] = self.way(partial(facing, cells, height=self.known.height))
        return route

    def route_to(self, poses: tuple[Pose, ...]) -> Route:
        """Ways to one of these poses."""
        route = self._routes.get(poses)
        if route is None:
            route = self._routes[poses] = self.way(lambda _: poses)
        return route

    def way(self, goals: Callable[[int], Iterable[Pose]]) -> Route:
        """Ways to poses that depend on the cells that can be walked on."""
        known = self.known
        return Route(goals(known.walkable), known.walkable, known.height)

    def away_from_doors(self) -> int:
        """Free cells that are not right before a door, as bits."""
        doors = 0
        for thing in self.known.things:
            if thing.look.kind == "door":
                doors |= 1 << thing.cell
        return self.known.free & ~beside(doors, self.known.height)
