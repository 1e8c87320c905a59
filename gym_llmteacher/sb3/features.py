"""Features for maps of integers: one-hot encoding and a small convolutional network.

Raw integer codes do not learn (colour 4 is not twice colour 2); one-hot planes do.
"""

from __future__ import annotations

import sys

import cloudpickle
import gymnasium as gym
import numpy as np
import torch as th
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

# Saved students carry this module's code by value, so that they load in plain PPO on a machine
# that does not have this package.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


class OneHotMapCnn(BaseFeaturesExtractor):
    """One-hot encode an integer map, then convolve it as the paper's student does.

    For observations ``(height, width, channels)`` of integer codes with bounds per channel, such as
    the ``LLMTeacher/*`` envs and MiniGrid's ``ImgObsWrapper``. Convolutions 3×3 of 16, 32 and 64
    filters (arXiv 2311.13373, appendix), then a linear layer.

    :param observation_space: Box of shape ``(height, width, channels)``; channel ``c`` holds codes
        0 .. ``high[..., c]``
    :param features_dim: number of features handed to the policy and value networks
    :param n_codes: codes per channel, where the bounds are too wide to tell (MiniGrid's 0 .. 255)
    :raises ValueError: not a 3-dimensional Box, or more than 64 codes in a channel

    Example::

        >>> from stable_baselines3 import PPO
        >>> import gym_llmteacher
        >>> model = PPO("MlpPolicy", "LLMTeacher/SimpleDoorKey-v0", n_steps=8, batch_size=8,
        ...             policy_kwargs={"features_extractor_class": OneHotMapCnn})
    """

    def __init__(
        self,
        observation_space: gym.spaces.Box,
        features_dim: int = 128,
        n_codes: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(observation_space, features_dim)
        if not isinstance(observation_space, gym.spaces.Box) or len(observation_space.shape) != 3:
            raise ValueError(
                f"the observation space is {observation_space}, expected a Box of shape (height, "
                "width, channels) with one integer code per channel."
            )
        height, width, channels = observation_space.shape
        if n_codes is None:
            n_codes = tuple(int(observation_space.high[..., c].max()) + 1 for c in range(channels))
        if len(n_codes) != channels or max(n_codes) > 64:
            raise ValueError(
                f"n_codes is {n_codes} for {channels} channels, expected one number up to 64 per "
                "channel. For MiniGrid's own images pass "
                "features_extractor_kwargs={'n_codes': (11, 6, 3)}."
            )
        first = np.cumsum([0, *n_codes[:-1]])
        self.n_planes = int(sum(n_codes))
        # Each code becomes the index of its plane; clamping keeps a stray code in its own channel.
        self.register_buffer("first_plane", th.as_tensor(first, dtype=th.long))
        self.register_buffer("last_code", th.as_tensor(n_codes, dtype=th.long) - 1)
        self.cnn = nn.Sequential(
            nn.Conv2d(self.n_planes, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        with th.no_grad():
            sample = th.zeros(1, height, width, channels)
            flat = int(self.cnn(self.one_hot(sample)).shape[1])
        self.linear = nn.Sequential(nn.Linear(flat, features_dim), nn.ReLU())

    def one_hot(self, observations: th.Tensor) -> th.Tensor:
        """Encode codes ``(batch, height, width, channels)`` as ``(batch, planes, height, width)``."""
        codes = th.minimum(observations.long(), self.last_code) + self.first_plane
        batch, height, width, _ = codes.shape
        planes = observations.new_zeros((batch, self.n_planes, height, width), dtype=th.float32)
        return planes.scatter_(1, codes.permute(0, 3, 1, 2), 1.0)

    def forward(self, observations: th.Tensor) -> th.Tensor:
        """Features float32 ``(batch, features_dim)``."""
        features: th.Tensor = self.linear(self.cnn(self.one_hot(observations)))
        return features
