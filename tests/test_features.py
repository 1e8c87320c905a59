"""The student's view of a map: turned to the agent, one-hot, and coarsely all of it."""

import gymnasium as gym
import numpy as np
import pytest
import torch as th

import gym_llmteacher  # noqa: F401  (registers the tasks)
from gym_llmteacher.envs import TASKS, env_id
from gym_llmteacher.sb3.features import EgoMapFeatures, matched, one_hot_table

TYPES, COLORS, STATES = 10, 5, 2
N_PLANES = TYPES + COLORS + STATES + 1


def observations(task, n=40):
    env = gym.make(env_id(task))
    env.action_space.seed(0)
    obs, _ = env.reset(seed=0)
    kept = []
    for _ in range(n):
        kept.append(obs)
        obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            obs, _ = env.reset()
    return env.observation_space, np.stack(kept)


def planes_of(obs):
    """One-hot planes of every cell, by the plainest of loops: ``(width, height, N_PLANES)``."""
    width, height, _ = obs.shape
    things = {(int(t), int(c)) for t, c in obs[..., :2].reshape(-1, 2) if 4 <= t <= 7}
    planes = np.zeros((width, height, N_PLANES), dtype=np.float32)
    for x in range(width):
        for y in range(height):
            kind, color, state = (int(v) for v in obs[x, y, :3])
            for code, first in ((kind, 0), (color, TYPES), (state, TYPES + COLORS)):
                if code:
                    planes[x, y, first + code - 1] = 1
            partners = any(c == color and t != kind for t, c in things)
            planes[x, y, -1] = 4 <= kind <= 7 and partners
    return planes


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("blocks", [0, 3, 5])
def test_against_plain_loops(task, blocks):
    space, obs = observations(task)
    features = EgoMapFeatures(space, radius=2, blocks=blocks)
    encoded = features.encode(th.as_tensor(obs).float()).numpy()
    for row, here in zip(encoded, obs, strict=True):
        (x, y), (width, height) = np.argwhere(here[..., 3])[0], here.shape[:2]
        heading = int(here[x, y, 3]) - 1
        fx, fy = ((1, 0), (0, 1), (-1, 0), (0, -1))[heading]
        # The whole map, as it lies before the agent: ahead is x, right is y.
        looks, before = planes_of(here), {}
        for u in range(width):
            for v in range(height):
                ahead, side = (u - x) * fx + (v - y) * fy, (v - y) * fx - (u - x) * fy
                before[ahead, side] = looks[u, v]
        planes = np.zeros((width, height, N_PLANES))
        first, left = min(before)[0], min(side for _, side in before)
        for (ahead, side), cell in before.items():
            planes[ahead - first, side - left] = cell
        expected = [
            before.get((ahead, side), np.zeros(N_PLANES))
            for ahead in range(-2, 3) for side in range(-2, 3)
        ]  # fmt: skip
        if blocks:
            dx, dy = -(-width // blocks), -(-height // blocks)
            for i in range(blocks):
                for j in range(blocks):
                    block = planes[i * dx : (i + 1) * dx, j * dy : (j + 1) * dy]
                    cells = block.reshape(-1, N_PLANES)
                    expected.append(cells.max(axis=0) if len(cells) else np.zeros(N_PLANES))
        expected.append(np.eye(width)[-first])
        expected.append(np.eye(height)[-left])
        expected.append(np.eye(4)[heading])
        np.testing.assert_array_equal(row, np.concatenate(expected))


def test_what_is_seen_does_not_depend_on_where_the_agent_looks_from():
    """A room turned by 90°, agent and all, gives the same features, but for the heading."""
    space, obs = observations("SimpleDoorKey")
    features = EgoMapFeatures(space)
    one, two = (features.encode(th.as_tensor(o).float()) for o in (obs, quarter_turn(obs)))
    assert th.equal(one[:, :-4], two[:, :-4])
    assert th.equal(one[:, -4:].roll(1, dims=1), two[:, -4:])


def test_a_map_that_is_no_square_is_turned_in_one():
    codes = np.random.default_rng(0).integers(0, [11, 6, 3, 1], (3, 4, 6, 4)).astype(np.uint8)
    for one, heading in zip(codes, (1, 2, 4), strict=True):
        one[1, 2, 3] = heading
    views = []
    for obs in (codes, quarter_turn(codes)):
        high = np.broadcast_to(np.array([10, 5, 2, 4], np.uint8), obs.shape[1:])
        features = EgoMapFeatures(gym.spaces.Box(np.zeros_like(high), high), radius=3, blocks=0)
        views.append(features.encode(th.as_tensor(obs).float())[:, : 49 * N_PLANES])
    assert th.equal(*views)
    assert views[0].sum() > 100


def quarter_turn(obs):
    """Maps turned to the right: (x, y) -> (height - 1 - y, x)."""
    turned = obs.transpose(0, 2, 1, 3)[:, ::-1].copy()
    headings = turned[..., 3]
    turned[..., 3] = np.where(headings > 0, headings % 4 + 1, 0)
    return turned


def test_matches_need_the_same_colour_and_another_kind():
    door, key, wall = 4, 5, 2
    types = th.tensor([[door, key, key, key, wall]])
    assert matched(types, th.tensor([[1, 1, 2, 1, 1]])).tolist() == [[1, 1, 0, 1, 0]]
    assert matched(types, th.tensor([[3, 1, 1, 1, 3]])).tolist() == [[0, 0, 0, 0, 0]]


def test_the_table_has_every_look_once():
    table = one_hot_table([3, 2, 4])
    assert table.shape == (24, 6)
    assert len({tuple(row) for row in table.tolist()}) == 24


def test_bounds_that_say_nothing_are_refused():
    space = gym.spaces.Box(0, np.full((5, 5, 4), [60, 60, 60, 4], dtype=np.uint8), dtype=np.uint8)
    with pytest.raises(ValueError, match="tighten the space's upper bounds"):
        EgoMapFeatures(space)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("blocks", [0, 5])
def test_looking_weights_up_is_multiplying_by_ones(task, blocks):
    """What comes out, and the gradient."""
    space, obs = observations(task)
    features = EgoMapFeatures(space, radius=8, blocks=blocks)
    observed, of_output = th.as_tensor(obs).float(), th.rand(len(obs), 128)
    found, gradients = [], []
    for forward in (features, lambda x: features.linear(features.encode(x))):
        features.zero_grad()
        out = forward(observed)
        (out * of_output).sum().backward()
        found.append(out.detach())
        gradients.append([p.grad.clone() for p in features.parameters()])
    th.testing.assert_close(*found)
    for looked_up, multiplied in zip(*gradients, strict=True):
        th.testing.assert_close(looked_up, multiplied)
    assert found[0].std() > 0.01
