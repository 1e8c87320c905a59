"""The memory of partial views agrees with the world, wherever the agent has looked."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid.core.grid import Grid
from minigrid.core.world_object import Wall

from gym_llmteacher.groundings.minigrid.explore import by_row, by_table
from gym_llmteacher.groundings.minigrid.known_map import known_map
from gym_llmteacher.groundings.minigrid.missions.view_memory import ViewMemory
from gym_llmteacher.wrappers.map_memory import MapMemory
from tests.minigrid_levels import LEVELS, play, taught

WALL, EMPTY = 2, 1


def world(env):
    """The simulator's grid, walls all around it."""
    inside = env.unwrapped.grid.encode()
    cells = np.zeros((*(n + 40 for n in inside.shape[:2]), 3), dtype=np.uint8)
    cells[:] = (WALL, 5, 0)
    cells[20:-20, 20:-20] = inside
    return cells


# The first observation of ...Carrying shows the world before a thing was put into the agent's hand.
@pytest.mark.parametrize("level", [level for level in LEVELS if "Carrying" not in level])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_seen_cells_are_as_they_are(level, seed):
    """Half random play, half the planner's, so that doors are opened and things carried about."""
    env = taught(level)
    compared = 0
    for action, *_ in play(env, seed):
        memory = env.grounding._memory
        if action is None:
            start = np.array(env.unwrapped.agent_pos)
        view = memory.known_view
        at = np.array([view.x, view.y]) - view.start_cell
        np.testing.assert_array_equal(start + at, env.unwrapped.agent_pos)
        assert view.heading == env.unwrapped.agent_dir
        carried = env.unwrapped.carrying
        assert (memory.held and tuple(memory.held[:2])) == (
            carried and (carried.type, carried.color)
        )
        seen = np.argwhere(view.cells[..., 0])
        where = seen - view.start_cell + start + 20
        there = world(env)[where[:, 0], where[:, 1]]
        np.testing.assert_array_equal(view.cells[seen[:, 0], seen[:, 1]], there)
        compared += len(seen)
    assert compared > 20


def half_seen(data):
    """A memory with random walls and gaps, the agent in the middle."""
    memory = ViewMemory(5, 5, view=7)
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    kinds = rng.choice([0, EMPTY, WALL], size=memory.cells.shape[:2], p=[0.4, 0.4, 0.2])
    memory.cells[..., 0] = kinds
    memory.cells[memory.start_cell] = (EMPTY, 0, 0)
    return memory


@given(data=st.data(), heading=st.integers(0, 3), walls=st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_a_look_would_show_follows_minigrids_rule_of_sight(data, heading, walls):
    memory = half_seen(data)
    found = by_row(known_map(memory.cells, 0), memory.cell, heading, 7, walls)
    grid = Grid(7, 7)
    offsets = memory._offsets[heading].reshape(7, 7) + memory.cell
    flat = memory.cells[..., 0].ravel()
    for i in range(7):
        for j in range(7):
            if flat[offsets[i, j]] == WALL:
                grid.set(i, j, Wall())
    lit = grid.process_vis((3, 6)) if walls else np.ones((7, 7), dtype=bool)
    assert found == (lit & (flat[offsets] == 0)).sum()


@given(data=st.data(), heading=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_the_fast_way_of_small_views_counts_the_same(data, heading):
    memory = half_seen(data)
    known = known_map(memory.cells, 0)
    assert by_table(known, memory.cell, heading) == by_row(known, memory.cell, heading, 3)


@pytest.mark.parametrize("radius", [3, 10])
@pytest.mark.parametrize("level", LEVELS[::3])
def test_the_map_for_the_student_is_a_window_of_the_memory(level, radius):
    env = MapMemory(gym.make(level), radius=radius)
    for _, obs, *_ in play(env, seed=5, steps=60):
        assert env.observation_space.contains(obs)
        view = env.agent_memory.known_view
        assert obs[radius, radius, 4] == view.heading + 1
        assert np.count_nonzero(obs[..., 4]) == 1
        cells = view.cells.copy()
        if view.held is not None:
            cells[view.x, view.y] = (*view.held, 0)
        for dx in range(-radius, radius + 1, 3):
            for dy in range(-radius, radius + 1):
                x, y = view.x + dx, view.y + dy
                if 0 <= x < cells.shape[0] and 0 <= y < cells.shape[1]:
                    np.testing.assert_array_equal(obs[radius + dx, radius + dy, :3], cells[x, y])
