"""The smallest env that a curriculum can configure."""

import gymnasium as gym
import numpy as np

from gym_llmteacher import Curriculum, RandomWriter

SPACE = {
    "length": {"type": "integer", "minimum": 1, "maximum": 9},
    "ice": {"type": "boolean"},
}
ORIGINAL = {"length": 9, "ice": False}


class Walk(gym.Env):
    """Walk right, for so many steps, within 12; on ice every second step fails."""

    observation_space = gym.spaces.Box(0, 12, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)
    mission = "walk there slowly"

    def __init__(self, length, ice):
        assert type(length) is int
        if length == 7:
            raise ValueError("seven is bad luck")
        self.length, self.ice = length, ice

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = self.steps = 0
        self.drawn = int(self.np_random.integers(1000))
        return np.zeros(1, np.float32), {"drawn": self.drawn}

    def step(self, action):
        self.steps += 1
        self.at += action if not self.ice or self.steps % 2 else 0
        over = self.at == self.length
        return np.full(1, self.at, np.float32), float(over), over, self.steps >= 12, {}


def curriculum(writer=None, **kwargs):
    arguments = {"original": ORIGINAL, "n": 2, **kwargs}
    return Curriculum(Walk, SPACE, writer or RandomWriter(), **arguments)


def configuration(n):
    return {"length": n, "ice": False}
