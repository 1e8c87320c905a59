"""Bitboard routes against a textbook breadth-first search on random maps."""

from collections import deque

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid.core.constants import OBJECT_TO_IDX

from gym_llmteacher.envs.visibility import DIRECTIONS
from gym_llmteacher.groundings.minigrid.known_map import known_map
from gym_llmteacher.groundings.minigrid.navigation import (
    FORWARD,
    LEFT,
    RIGHT,
    Route,
    facing,
    reachable_layers,
)
from gym_llmteacher.groundings.minigrid.skills import Skills


@st.composite
def maps(draw):
    """A walled room of random size with random obstacles, and a free cell to start from."""
    width, height = draw(st.integers(4, 11)), draw(st.integers(4, 11))
    free = np.zeros((width, height), dtype=bool)
    inside = draw(
        st.lists(
            st.booleans(),
            min_size=(width - 2) * (height - 2),
            max_size=(width - 2) * (height - 2),
        )
    )
    free[1:-1, 1:-1] = np.array(inside).reshape(width - 2, height - 2)
    x = draw(st.integers(1, width - 2))
    y = draw(st.integers(1, height - 2))
    free[x, y] = True
    return free, (x, y), draw(st.integers(0, 3))


def bits(free):
    return sum(1 << int(cell) for cell in np.flatnonzero(free))


def move(free, state, action):
    (x, y), heading = state
    if action == FORWARD:
        u, v = x + DIRECTIONS[heading][0], y + DIRECTIONS[heading][1]
        return ((u, v), heading) if free[u, v] else state
    return ((x, y), (heading + (1 if action == RIGHT else -1)) % 4)


def brute_force(free, start):
    """Distance in actions to every reachable state."""
    distances, queue = {start: 0}, deque([start])
    while queue:
        state = queue.popleft()
        for action in (LEFT, RIGHT, FORWARD):
            after = move(free, state, action)
            if after not in distances:
                distances[after] = distances[state] + 1
                queue.append(after)
    return distances


@given(maps(), st.data())
@settings(max_examples=150, deadline=None)
def test_routes_are_shortest_and_arrive(world, data):
    free, (x, y), heading = world
    height = free.shape[1]
    target = (
        data.draw(st.integers(1, free.shape[0] - 2)),
        data.draw(st.integers(1, height - 2)),
    )
    # Things block the way, as keys and doors do.
    free = free.copy()
    free[target] = target == (x, y)
    goals = facing([target[0] * height + target[1]], bits(free), height)
    route = Route(goals, bits(free), height)
    distances = brute_force(free, ((x, y), heading))
    expected = min(
        (
            distances[(divmod(c, height)), h]
            for c, h in goals
            if (divmod(c, height), h) in distances
        ),
        default=None,
    )
    assert route.distance(x * height + y, heading) == expected
    state = ((x, y), heading)
    for left in range(expected or 0, 0, -1):
        (u, v), h = state
        assert route.distance(u * height + v, h) == left
        actions = route.action(u * height + v, h)
        for action in (actions,) if isinstance(actions, int) else actions:
            state = move(free, ((u, v), h), action)
            assert route.distance(state[0][0] * height + state[0][1], state[1]) == left - 1
    (u, v), h = state
    assert route.action(u * height + v, h) is None
    if expected is not None:
        assert (u + DIRECTIONS[h][0], v + DIRECTIONS[h][1]) == target


@given(maps())
@settings(max_examples=100, deadline=None)
def test_layers_hold_each_state_at_its_distance(world):
    free, (x, y), heading = world
    height = free.shape[1]
    found = {}
    for distance, layer in enumerate(reachable_layers(x * height + y, heading, bits(free), height)):
        for h in range(4):
            for cell in range(free.size):
                if layer[h] >> cell & 1:
                    assert (divmod(cell, height), h) not in found
                    found[divmod(cell, height), h] = distance
    assert found == brute_force(free, ((x, y), heading))


@st.composite
def half_seen(draw):
    """Codes of a square map of which some has been seen, rimmed as a view may need it; a pose."""
    size = draw(st.integers(5, 9))
    kinds = st.sampled_from([OBJECT_TO_IDX[kind] for kind in ("unseen", "empty", "empty", "wall")])
    codes = draw(st.lists(kinds, min_size=size**2, max_size=size**2))
    cells = np.zeros((size + 10, size + 10, 3), dtype=np.uint8)
    cells[5:-5, 5:-5, 0] = np.array(codes).reshape(size, size)
    place = st.integers(5, size + 4)
    x, y = draw(place), draw(place)
    cells[x, y, 0] = OBJECT_TO_IDX["empty"]
    return cells, (x, y), draw(st.integers(0, 3))


def explores(cells, at, heading, view):
    """The actions that exploring begins with, as a set."""
    cell = at[0] * len(cells) + at[1]
    actions = Skills(known_map(cells, cell), view=view).explore([], cell, heading)
    return {actions} if isinstance(actions, int | None) else set(actions)


@given(half_seen(), st.integers(0, 3), st.booleans(), st.sampled_from([3, 5]))
@settings(max_examples=200, deadline=None)
def test_a_map_that_is_turned_or_mirrored_is_explored_alike(world, quarters, mirrored, view):
    cells, (x, y), heading = world
    expected = explores(cells, (x, y), heading, view)
    last = len(cells) - 1
    for _ in range(quarters):  # a quarter turn takes right to down
        cells, (x, y), heading = np.rot90(cells), (last - y, x), (heading + 1) % 4
    if mirrored:  # left and right of the map change places
        cells, (x, y), heading = cells[::-1], (last - x, y), (2, 1, 0, 3)[heading]
        expected = {{LEFT: RIGHT, RIGHT: LEFT}.get(action, action) for action in expected}
    assert explores(np.ascontiguousarray(cells), (x, y), heading, view) == expected
