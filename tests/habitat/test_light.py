"""The light simulator: houses, paths, camera, and the quirks it shares with the real task."""

import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_llmteacher.light_habitat.dataset import (
    LightDatasetConfig,
    LightNavPickDataset,
    make_episode,
)
from gym_llmteacher.light_habitat.depth import CAMERA_HEIGHT, DepthCamera
from gym_llmteacher.light_habitat.house import CELL, RECEPTACLES, centre, make_house
from gym_llmteacher.light_habitat.paths import distances, in_sight, nearest_free, way

pytestmark = pytest.mark.habitat_lab


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_houses_are_walled_whole_and_differ_in_their_doors(seed):
    house = make_house(seed)
    assert not house.free[[0, -1]].any()
    assert not house.free[:, [0, -1]].any()
    assert tuple(house.furniture) == RECEPTACLES
    assert 5 <= len(house.doors) <= 7  # of six rooms in a row of three, two deep
    start = nearest_free(house, 1.0, 1.0)
    assert len(distances(house, start)) == house.free.sum()


def test_there_are_closed_ways_and_loops():
    doors = [len(make_house(seed).doors) for seed in range(40)]
    assert min(doors) == 5  # a tree: two doors are shut
    assert max(doors) > 5  # a loop
    assert len({make_house(seed).doors for seed in range(40)}) > 12


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 20), st.integers(0, 10_000), st.integers(0, 10_000))
def test_paths_go_through_free_cells_and_are_not_much_longer_than_need_be(seed, a, b):
    house = make_house(seed)
    free = [tuple(int(i) for i in cell) for cell in np.argwhere(house.free)]
    start, goal = free[a % len(free)], free[b % len(free)]
    path = way(house, start, goal)
    assert path[0] == centre(start)
    assert path[-1] == centre(goal)
    for p, q in pairwise(path):
        assert in_sight(house, p, q)
    length = sum(math.dist(p, q) for p, q in pairwise(path))
    assert math.dist(path[0], path[-1]) - 1e-6 <= length <= distances(house, goal)[start] + 1e-6


def test_episodes_have_rooms_objects_receptacles_distractors_and_detours():
    detours, targets = [], set()
    for number in range(60):
        episode = make_episode(number, number % 6, 0)
        house = make_house(episode.house)
        names = [handle for handle, _ in episode.rigid_objs]
        assert len(set(names)) == 4
        targets.add(names[0])
        x, _, z = episode.start_position
        assert house.is_free(x, z)
        goal = episode.rigid_objs[0][1]
        cell = nearest_free(house, goal[0], goal[2])
        walk = distances(house, cell)[int(x // CELL), int(z // CELL)]
        detours.append(walk / math.dist((x, z), (goal[0], goal[2])))
    assert len(targets) == 6
    assert np.mean(np.array(detours) > 1.5) > 0.1  # a wall between, and the door elsewhere


def test_datasets_are_reproducible_and_first_gives_others():
    def ids(**settings):
        episodes = LightNavPickDataset(
            LightDatasetConfig(episodes=4, houses=2, **settings)
        ).episodes
        return [(e.scene_id, tuple(e.start_position), e.rigid_objs[0]) for e in episodes]

    assert ids() == ids()
    assert not set(ids()) & set(ids(first=4))
    assert {scene for scene, *_ in ids()} == {scene for scene, *_ in ids(first=4)}


def test_the_camera_measures_walls_and_floor():
    heights = np.zeros((40, 40), np.float32)
    heights[30] = 2.5  # a wall 5 m away along x
    camera = DepthCamera(64, 64, hfov=90, max_depth=10.0)
    depth = camera.look(heights, np.array([2.5, 0, 5.0], np.float32), yaw=0.0)[..., 0]
    assert depth.shape == (64, 64)
    assert depth[32, 32] == pytest.approx(5.0, abs=0.13)
    assert depth[63, 32] == pytest.approx(CAMERA_HEIGHT, abs=0.15)  # 45 degrees down: the floor
    assert depth[32].max() - depth[32].min() < 0.15  # a wall at right angles is flat in z-depth
    away = camera.look(heights, np.array([2.5, 0, 5.0], np.float32), yaw=math.pi)[..., 0]
    assert away[32, 32] > 9


def test_left_is_positive_and_the_compass_has_the_other_sign(make_env):
    env = make_env("primitives")
    obs, _ = env.reset(seed=0)
    before = env.world.robot.base_rot
    distance, bearing = env.world.polar(env.world.position(env.world.target))
    compass = obs["state"][env.state_slots["obj_start_gps_compass"]]
    np.testing.assert_allclose(
        compass, [distance, math.cos(bearing), -math.sin(bearing)], rtol=1e-5, atol=1e-6
    )
    env.step(1)
    assert math.remainder(env.world.robot.base_rot - before, 2 * math.pi) == pytest.approx(0.5)
    pose = env.step(4)[0]["state"][env.state_slots["localization_sensor"]]
    yaw = env.world.robot.base_rot
    np.testing.assert_allclose(pose[3:], [math.cos(yaw), math.sin(yaw)], atol=1e-6)


def test_a_zero_grip_grasps_the_nearest_even_a_distractor(make_env):
    env = make_env("primitives")
    env.reset(seed=0)
    other = next(w for w in env.world.things if w in env.world.objects and w != env.world.target)
    while (action := env.option_action(f"navigate to {other}")) is not None:
        env.step(action)
    vector = np.zeros(16, np.float32)
    vector[env.controls.slots["rearrange_stop"]] = -1.0
    env._gym.step(vector)
    assert env.world.holding == other


def test_nobody_walks_through_walls(make_env):
    env = make_env("primitives")
    rng = np.random.default_rng(0)
    for seed in range(3):
        env.reset(seed=seed)
        for action in rng.choice(3, size=150, p=[0.7, 0.15, 0.15]):
            env.step(action)
            assert env.world.sim.is_navigable(env.world.robot.base_pos)


def test_nothing_is_dropped_into_a_wall(make_env):
    env = make_env("primitives", ["habitat.task.end_on_success=False"])
    env.reset(seed=0)
    sim, target = env.world.sim, env.world.target
    forward, left, grasp, release = 0, 1, 3, 4
    for turns in range(8):
        while (action := env.option_action(f"navigate to {target}")) is not None:
            env.step(action)
        env.step(grasp)
        assert env.world.holding == target
        for action in [left] * turns + [forward] * 14 + [release]:
            env.step(action)
        x, _, z = env.world.position(target)
        assert sim.house.height[int(x // CELL), int(z // CELL)] < 2.5


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_stand_ins_come_by_opt_in_only():
    from gym_llmteacher.habitat.lab import has_simulator

    if has_simulator():
        pytest.skip("the real simulator is here: nothing stands in")
    said = run("from gym_llmteacher.habitat import nav_pick_config; nav_pick_config()").stderr
    assert "HabitatMissingError: habitat-sim is not installed" in said
    assert "build it from source" in said
    assert "write `import gym_llmteacher.light_habitat` first" in said
    assert "https://github.com/facebookresearch/habitat-sim#installation" in said
    code = """
import sys, gym_llmteacher.light_habitat as light
import habitat
said = {n: getattr(m, "__doc__", "") or "" for n, m in sys.modules.items()}
names = [n for n, doc in said.items() if doc.startswith("Stand-in")]
print(light.STANDING_IN, sorted(names), "habitat_sim" in sys.modules, "magnum" in sys.modules)
"""
    assert run(code).stdout.split("\n")[-2] == (
        "True ['habitat.core.batch_rendering.env_batch_renderer', "
        "'habitat.sims.habitat_simulator', 'habitat.tasks.rearrange', "
        "'habitat.tasks.rearrange.rearrange_sim'] False False"
    )


@pytest.fixture
def simulator():
    return "light"
