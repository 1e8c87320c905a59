"""Teachers help on where a student has left their path: doors shut again, things moved about."""

import numpy as np
import pytest
from minigrid.core.actions import Actions

from tests.minigrid_levels import taught

pytestmark = pytest.mark.filterwarnings("ignore:.*out of date")


def ahead(env):
    return env.unwrapped.grid.get(*env.unwrapped.front_pos)


class ShutsDoors:
    """Does what the teacher says, but shuts each door once more when it is open before it.

    :param behind: shuts it from the other side, so that all that is known lies behind it
    """

    def __init__(self, env, behind):
        self.env, self.behind, self.shut, self.at_a_door = env, behind, set(), None

    def act(self, info):
        world, door = self.env.unwrapped, ahead(self.env)
        if self.at_a_door is not None:  # one step beyond it: turn, turn, shut
            cell, turns = self.at_a_door
            if turns < 2:
                self.at_a_door = (cell, turns + 1)
                return Actions.left
            self.at_a_door = None
            self.shut.add(cell)
            return Actions.toggle
        if not self.behind and door and door.type == "door" and door.is_open:
            cell = tuple(map(int, world.front_pos))
            if cell not in self.shut:
                self.shut.add(cell)
                return Actions.toggle
        here = world.grid.get(*world.agent_pos)
        action = int(info["teacher_prior"].argmax())
        cell = tuple(map(int, world.agent_pos))
        leaves = action == Actions.forward and ahead(self.env) is None
        if self.behind and here and here.type == "door" and cell not in self.shut and leaves:
            self.at_a_door = (cell, 0)
        return action


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    "level",
    ["MiniGrid-MultiRoom-N4-S5-v1", "BabyAI-KeyCorridorS3R3-v0", "BabyAI-UnlockToUnlock-v0"],
)
def test_doors_that_were_shut_again_are_opened_again(level, behind):
    env, shut = taught(level), 0
    for seed in range(3):
        _, info = env.reset(seed=seed)
        student, over, reward = ShutsDoors(env, behind), False, 0.0
        while not over:
            assert info["teacher_weight"] > 0, env.situation.text
            _, reward, terminated, truncated, info = env.step(int(student.act(info)))
            over = terminated or truncated
        assert reward > 0, seed
        shut += len(student.shut)
    assert shut > 3


@pytest.mark.parametrize(
    ("level", "seed"),
    [
        ("BabyAI-UnblockPickup-v0", 0),  # two things in the way, one as good as the other
        ("MiniGrid-ObstructedMaze-Full-v0", 0),
        ("BabyAI-SynthS5R2-v0", 3),  # what is carried goes behind a lock
    ],
)
def test_a_teacher_does_not_go_round_in_circles(level, seed):
    """A quarter of the first sixty actions are random; from then on the teacher is obeyed."""
    env, rng, seen, again = taught(level), np.random.default_rng(seed), set(), 0
    _, info = env.reset(seed=seed)
    over, step, reward = False, 0, 0.0
    while not over:
        strays = step < 60 and rng.random() < 0.25
        action = int(rng.integers(7)) if strays else int(info["teacher_prior"].argmax())
        _, reward, terminated, truncated, info = env.step(action)
        over, step, world = terminated or truncated, step + 1, env.unwrapped
        if step > 60:
            cell = tuple(map(int, world.agent_pos))
            state = (world.grid.encode().tobytes(), cell, world.agent_dir)
            again += state in seen
            seen.add(state)
    assert reward > 0
    assert again < 10
