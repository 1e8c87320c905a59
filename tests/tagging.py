"""Envs whose prior can be recomputed from the observation: whatever is mislabelled shows."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

N_ACTIONS = 3


def prior_of(obs: np.ndarray) -> tuple[np.ndarray, float]:
    """A prior and a weight that tell every observation of `Counter` from every other."""
    episode, step = (float(v) for v in np.asarray(obs).ravel()[:2])
    scores = np.array([1.0, 1.0 + episode, 1.0 + step])
    weight = 1.0 / (1.0 + (episode + step) % 3)
    if int(step) % 5 == 4:
        scores, weight = np.ones(N_ACTIONS), 0.0
    return (scores / scores.sum()).astype(np.float32), weight


class AsDict(gym.ObservationWrapper):
    """The observation, as the only entry of a dictionary."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Dict({"pair": env.observation_space})

    def observation(self, observation):
        return {"pair": observation}


class Counter(gym.Env):
    """The observation is (number of the episode, number of the step); episodes differ in length."""

    metadata = {"render_modes": []}

    def __init__(self, image: bool = False):
        self.image = image
        self.observation_space = (
            gym.spaces.Box(0, 255, (36, 40, 3), np.uint8)
            if image
            else gym.spaces.Box(0, 255, (2,), np.float32)
        )
        self.action_space = gym.spaces.Discrete(N_ACTIONS)
        self.episode = -1

    def _obs(self):
        pair = (self.episode % 200, self.steps)
        if not self.image:
            return np.array(pair, dtype=np.float32)
        obs = np.zeros((36, 40, 3), dtype=np.uint8)
        obs[0, 0, :2] = pair
        return obs

    def _info(self, obs):
        prior, weight = prior_of(obs)
        return {"teacher_prior": prior, "teacher_weight": weight}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode += 1
        self.steps = 0
        self.length = int(self.np_random.integers(1, 9))
        return self._obs(), self._info(self._obs())

    def step(self, action):
        self.steps += 1
        over = self.steps >= self.length
        obs = self._obs()
        return (
            obs,
            float(action == 1),
            over and self.steps % 2 == 0,
            over and self.steps % 2 == 1,
            (self._info(obs)),
        )
