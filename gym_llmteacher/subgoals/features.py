"""Features of an observation and a subgoal together."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch as th
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from torch import nn

from gym_llmteacher.sb3.features import EgoMapFeatures
from gym_llmteacher.sb3.portable import Portable
from gym_llmteacher.subgoals.keys import OBSERVATION, SUBGOAL


class SubgoalFeatures(BaseFeaturesExtractor, metaclass=Portable):
    """Read the Dict observations of `SubgoalWrapper`.

    :param observation_space: of `SubgoalWrapper`
    :param features_dim: number of features handed to the policy and value networks
    :param inner: reads the env's own observation; ``None``: `EgoMapFeatures` where they are such
        maps, else they are flattened
    :param inner_arguments: keyword arguments of ``inner``

    Example::

        >>> from stable_baselines3 import PPO
        >>> from gym_llmteacher import SubgoalWrapper
        >>> env = gym.make("LLMTeacher/SimpleDoorKey-v0")
        >>> model = PPO("MultiInputPolicy", SubgoalWrapper(env, "script:door_key_planner"),
        ...             policy_kwargs={"features_extractor_class": SubgoalFeatures})
    """

    def __init__(
        self,
        observation_space: gym.spaces.Dict,
        features_dim: int = 128,
        inner: type[BaseFeaturesExtractor] | None = None,
        inner_arguments: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(observation_space, features_dim)
        own: Any = observation_space[OBSERVATION]
        self.inner: BaseFeaturesExtractor
        if inner is not None:
            self.inner = inner(own, **inner_arguments or {})
        else:
            try:
                self.inner = EgoMapFeatures(own)
            except ValueError:  # no such map
                self.inner = FlattenExtractor(own)
        size = get_flattened_obs_dim(observation_space[SUBGOAL])
        self.goal = nn.Sequential(nn.Linear(size, 32), nn.ReLU())
        self.both = nn.Sequential(nn.Linear(self.inner.features_dim + 32, features_dim), nn.ReLU())

    def forward(self, observations: dict[str, th.Tensor]) -> th.Tensor:
        """Features float32 ``(batch, features_dim)``."""
        parts = [self.inner(observations[OBSERVATION]), self.goal(observations[SUBGOAL].float())]
        features: th.Tensor = self.both(th.cat(parts, dim=1))
        return features
