"""Features of what an asker sees: whether something that matters has changed, wherever it is."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import torch as th
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from gym_llmteacher.asking.observation import CHANGE, EXHAUSTED, OBSERVATION


class ChangeFeatures(BaseFeaturesExtractor):
    """Read the Dict observations of `AskingWrapper`.

    A map of integer codes ``(width, height, channels)``: each cell is one-hot encoded with whether
    it changed, and what all cells have in common is the maximum of each feature over the map.
    Whether there is a reason to ask does not depend on where it is. Anything else is flattened.

    :param observation_space: of `AskingWrapper`
    :param features_dim: number of features handed to the policy and value networks

    Example::

        >>> from stable_baselines3 import PPO
        >>> from gym_llmteacher import AskingWrapper
        >>> env = AskingWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"), "script:door_key_planner")
        >>> model = PPO("MultiInputPolicy", env, n_steps=8, batch_size=8,
        ...             policy_kwargs={"features_extractor_class": ChangeFeatures})
    """

    def __init__(self, observation_space: gym.spaces.Dict, features_dim: int = 64) -> None:
        super().__init__(observation_space, features_dim)
        box = observation_space[OBSERVATION]
        assert isinstance(box, gym.spaces.Box)
        self.codes: list[int] = []
        if len(box.shape) == 3 and np.issubdtype(box.dtype, np.integer) and box.high.max() < 64:
            self.codes = [int(box.high[..., c].max()) + 1 for c in range(box.shape[-1])]
            planes = 2 * (sum(self.codes) + 1)
            self.cells = nn.Sequential(nn.Linear(planes, features_dim), nn.ReLU())
            inputs = features_dim + 1
        else:
            inputs = 2 * int(np.prod(box.shape)) + 1
        self.linear = nn.Sequential(nn.Linear(inputs, features_dim), nn.ReLU())

    def forward(self, observations: dict[str, th.Tensor]) -> th.Tensor:
        """Features float32 ``(batch, features_dim)``."""
        shown, change = observations[OBSERVATION], observations[CHANGE]
        if self.codes:
            digits = shown.long().unbind(dim=-1)
            planes = [
                nn.functional.one_hot(digit, n) for digit, n in zip(digits, self.codes, strict=True)
            ]
            changed = (change != 0).any(dim=-1, keepdim=True)
            cell = th.cat([*planes, th.ones_like(changed)], dim=-1).float()
            encoded = self.cells(th.cat([cell, cell * changed], dim=-1))
            parts = [encoded.flatten(1, 2).amax(dim=1)]
        else:
            parts = [shown.float().flatten(1), change.flatten(1)]
        features: th.Tensor = self.linear(th.cat([*parts, observations[EXHAUSTED]], dim=1))
        return features
