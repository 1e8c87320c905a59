"""Tasks with boxes and a moving obstacle: solved by their planner, and what they promise."""

import gymnasium as gym
import numpy as np
import pytest
from minigrid.core.constants import OBJECT_TO_IDX

from gym_llmteacher import LLMTeacherWrapper, play
from gym_llmteacher.envs import MORE_TASKS, env_id

PLANNER = "script:door_key_planner"


@pytest.mark.parametrize("task", MORE_TASKS)
def test_the_planner_solves_the_tasks_with_boxes_and_obstacles(task):
    record = play(
        lambda: LLMTeacherWrapper(gym.make(env_id(task)), PLANNER), "teacher", 30, seed=0,
        deterministic=True,
    )  # fmt: skip
    assert record.success == 1.0
    assert record.mean_length < 40


def test_the_key_is_in_the_box_or_not():
    inside = []
    for seed in range(60):
        env = gym.make("LLMTeacher/RandomBoxKey-v0").unwrapped
        env.reset(seed=seed)
        kinds = [cell.type for cell in env.grid.grid if cell is not None and cell.type != "wall"]
        (box,) = (cell for cell in env.grid.grid if cell is not None and cell.type == "box")
        assert ("key" in kinds) != (box.contains is not None)
        inside.append(box.contains is not None)
    assert 15 < sum(inside) < 45


def test_a_ball_is_on_the_map_only_while_it_is_seen_there():
    env = gym.make("LLMTeacher/MovingObstacle-v0").unwrapped
    ball = OBJECT_TO_IDX["ball"]
    seen = 0
    for seed in range(10):
        obs, _ = env.reset(seed=seed)
        for _ in range(60):
            at = np.argwhere((obs[..., 0] == ball) & (obs[..., 3] == 0)).tolist()
            assert at in ([], [list(env.ball_pos)])
            seen += bool(at)
            obs, *_ = env.step(int(env.np_random.integers(3)))
    assert seen > 20
