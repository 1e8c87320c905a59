"""An env whose teacher is all there is to learn from."""

import gymnasium as gym
import numpy as np


class Signs(gym.Env):
    """The teacher names the largest of three numbers; there is no reward at all."""

    observation_space = gym.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def _next(self):
        obs = self.np_random.uniform(-1, 1, 3).astype(np.float32)
        prior = np.eye(3, dtype=np.float32)[obs.argmax()]
        return obs, {"teacher_prior": prior, "teacher_weight": 1.0}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 20
        return self._next()

    def step(self, action):
        self.left -= 1
        obs, info = self._next()
        return obs, 0.0, False, self.left == 0, info

    def action_masks(self):
        return np.ones(3, dtype=bool)
