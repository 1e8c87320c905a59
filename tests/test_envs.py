"""The paper's tasks: Gymnasium's rules, seeding, fog of war, rewards and endings."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from minigrid.core.constants import OBJECT_TO_IDX
from minigrid.core.world_object import Door, Key

from gym_llmteacher.envs import MORE_TASKS, env_id
from gym_llmteacher.envs import TASKS as PAPER
from gym_llmteacher.envs.memory import MemoryGridEnv
from gym_llmteacher.envs.visibility import DIRECTIONS, view_offsets

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)
KEY, DOOR, LAVA, WALL = (OBJECT_TO_IDX[k] for k in ("key", "door", "lava", "wall"))

TASKS = (*PAPER, *MORE_TASKS)


class Corridor(MemoryGridEnv):
    """A key and a locked door in one row: forward, pick up, turn twice, walk, toggle."""

    def __init__(self, **kwargs):
        super().__init__(size=7, **kwargs)

    def _gen_grid(self, width, height):
        from minigrid.core.grid import Grid

        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        self.grid.set(0, 3, Door("red", is_locked=True))
        self.grid.set(5, 3, Key("red"))
        self.agent_pos, self.agent_dir = (3, 3), 0
        self.mission = self.task


def rollout(env, seed, steps=300):
    env.action_space.seed(seed)
    obs, info = env.reset(seed=seed)
    trace = [(obs, 0.0, False, False, info)]
    for _ in range(steps):
        step = env.step(env.action_space.sample())
        trace.append(step)
        if step[2] or step[3]:
            trace.append((*env.reset(), False, False))
    return trace


@pytest.mark.parametrize("task", TASKS)
def test_check_env(task):
    # Rendering for people would open a window.
    check_env(gym.make(env_id(task), render_mode="rgb_array").unwrapped, skip_render_check=True)


@pytest.mark.parametrize("task", TASKS)
def test_same_seed_same_rollout(task):
    first, second = (rollout(gym.make(env_id(task)), seed=7) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:] == b[1:]


@pytest.mark.parametrize("task", TASKS)
def test_seeds_give_different_layouts(task):
    env = gym.make(env_id(task)).unwrapped
    layouts = set()
    for seed in range(20):
        env.reset(seed=seed)
        layouts.add(env._cells.tobytes())
    assert len(layouts) == 20


@pytest.mark.parametrize("task", TASKS)
def test_shape_steps_and_frame(task):
    env = gym.make(env_id(task), render_mode="rgb_array")
    obs, _ = env.reset(seed=0)
    size = 20 if task == "DivergedDoorKey" else 10
    assert obs.shape == (size, size, 4)
    assert obs.dtype == np.uint8
    assert env.action_space.n == 7
    frame = env.render()
    assert frame.ndim == 3
    assert frame.max() > 100
    for step in range(1, 151):
        *_, terminated, truncated, _ = env.step(LEFT)
        assert (terminated, truncated) == (False, step == 150)


def test_success_ends_the_episode_with_the_papers_reward():
    env = Corridor()
    env.reset(seed=0)
    actions = [FORWARD, PICK_UP, LEFT, LEFT, FORWARD, FORWARD, FORWARD, TOGGLE]
    for action in actions[:-1]:
        _, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated, info) == (0.0, False, False, {"is_success": False})
    _, reward, terminated, truncated, info = env.step(TOGGLE)
    assert reward == pytest.approx(1 - 0.9 * 8 / 150)
    assert (terminated, truncated, info) == (True, False, {"is_success": True})


def test_a_locked_door_stays_shut_without_the_key():
    env = Corridor()
    env.reset(seed=0)
    for action in (LEFT, LEFT, FORWARD, FORWARD, TOGGLE):
        _, reward, terminated, _, info = env.step(action)
    assert (reward, terminated, info["is_success"]) == (0.0, False, False)


def test_what_is_carried_is_shown_and_can_be_dropped():
    env = Corridor()
    obs, _ = env.reset(seed=0)
    assert (obs[..., 0] == KEY).sum() == 1
    env.step(FORWARD)
    obs, *_ = env.step(PICK_UP)
    assert obs[4, 3, 0] == KEY  # in the agent's own cell
    assert (obs[..., 0] == KEY).sum() == 1
    obs, *_ = env.step(LEFT)
    obs, *_ = env.step(DROP)
    assert obs[4, 2, 0] == KEY
    assert obs[4, 3, 0] == OBJECT_TO_IDX["empty"]


def test_lava_ends_the_episode_with_nothing():
    env = gym.make(env_id("LavaDoorKey")).unwrapped
    for seed in range(50):
        env.reset(seed=seed)
        (x, y) = np.argwhere(env._cells[..., 0] == LAVA)[0]
        for heading, (dx, dy) in enumerate(DIRECTIONS):
            if env.grid.get(x - dx, y - dy) is None:
                env.agent_pos, env.agent_dir = (x - dx, y - dy), heading
                _, reward, terminated, truncated, info = env.step(FORWARD)
                assert (reward, terminated, truncated) == (0.0, True, False)
                assert info["is_success"] is False
                break


@pytest.mark.parametrize("task", TASKS)
def test_fog_of_war(task):
    """Nothing is shown that was never within the 3×3 view; what was seen stays."""
    env = gym.make(env_id(task)).unwrapped
    env.action_space.seed(3)
    for seed in range(5):
        obs, _ = env.reset(seed=seed)
        allowed = np.zeros(obs.shape[:2], dtype=bool)
        for _ in range(60):
            x, y = env.agent_pos
            for dx, dy in view_offsets(env.agent_dir):
                if 0 <= x + dx < env.width and 0 <= y + dy < env.height:
                    allowed[x + dx, y + dy] = True
            seen = obs[..., :3].any(axis=-1)
            assert not (seen & ~allowed).any()
            assert (obs[..., 3] > 0).sum() == 1
            assert obs[x, y, 3] == env.agent_dir + 1
            before = seen
            obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
            assert (obs[..., :3].any(axis=-1) | ~before).all()
            if terminated or truncated:
                break


def test_walls_block_the_view():
    env = Corridor()
    env.reset(seed=0)
    env.agent_pos, env.agent_dir = (1, 1), 3  # faces the wall above
    obs, *_ = env.step(LEFT)
    env.agent_dir = 3
    obs, *_ = env.step(PICK_UP)
    assert obs[1, 0, 0] == WALL


@pytest.mark.parametrize("task", PAPER)
def test_layouts_hold_what_the_task_promises(task):
    env = gym.make(env_id(task)).unwrapped
    keys, doors, lava = {
        "SimpleDoorKey": (1, 1, 0),
        "LavaDoorKey": (1, 1, 1),
        "ColoredDoorKey": (2, 1, 0),
        "DivergedDoorKey": (1, 2, 0),
    }[task]
    sizes = set()
    for seed in range(200):
        env.reset(seed=seed)
        kinds, colors = env._cells[..., 0], env._cells[..., 1]
        assert (kinds == KEY).sum() == keys
        assert (kinds == DOOR).sum() == doors
        assert (kinds == LAVA).sum() == lava
        assert len(set(colors[kinds == KEY])) == keys
        assert set(colors[kinds == DOOR]) <= set(colors[kinds == KEY])
        sizes.add(tuple(np.ptp(np.argwhere(kinds == WALL), axis=0) + 1))
        if task == "DivergedDoorKey":
            ((ax, ay), (bx, by)) = np.argwhere(kinds == DOOR)
            assert (abs(ax - bx), abs(ay - by)) in ((19, 0), (0, 19))
            assert (np.abs(np.argwhere(kinds == KEY) - 9.5) <= 2.5).all()
    widths = {width for width, _ in sizes}
    assert widths == ({20} if task == "DivergedDoorKey" else set(range(5, 11)))


def test_envs_pickle_with_their_state():
    env = gym.make(env_id("ColoredDoorKey")).unwrapped
    env.reset(seed=1)
    env.step(FORWARD)
    copy = pickle.loads(pickle.dumps(env))
    for action in (LEFT, FORWARD, PICK_UP, RIGHT, FORWARD):
        a, b = env.step(action), copy.step(action)
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:] == b[1:]


def test_an_observation_is_the_callers_own():
    env = Corridor()
    first, _ = env.reset(seed=0)
    kept = first.copy()
    env.step(FORWARD)
    np.testing.assert_array_equal(first, kept)
    first[:] = 9
    second, *_ = env.step(LEFT)
    assert second.max() <= 10
    assert not (second == 9).all()


def test_an_action_out_of_range_is_refused():
    env = Corridor()
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"action is 9, expected 0 \.\. 6"):
        env.step(9)
