"""The depth view through Stable-Baselines3's own picture encoder, and nothing privileged."""

from __future__ import annotations

import gymnasium as gym
import torch as th
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN

from gym_llmteacher.errors import GroundingError

_SMALLEST = 36  # pixels; NatureCNN's three convolutions leave nothing of less


class DepthFeatures(BaseFeaturesExtractor):
    """`NatureCNN` (Mnih et al. 2015) of ``head_depth``, beside ``state`` and ``goal`` as they are.

    What it may know is decided by ``habitat.gym.obs_keys``: leave ``obj_start_gps_compass`` and
    ``localization_sensor`` out, and the student has what a robot has.

    :param picture_dim: numbers per picture
    :raises GroundingError: no ``head_depth``, or one smaller than 36 x 36

    >>> import numpy as np
    >>> depth = gym.spaces.Box(0.0, 1.0, (48, 48, 1), np.float32)
    >>> state = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    >>> features = DepthFeatures(gym.spaces.Dict({"head_depth": depth, "state": state}))
    >>> seen = {"head_depth": th.zeros(3, 48, 48, 1), "state": th.zeros(3, 2)}
    >>> features(seen).shape
    torch.Size([3, 130])
    """

    def __init__(self, observation_space: gym.spaces.Dict, picture_dim: int = 128) -> None:
        box = observation_space.spaces.get("head_depth")
        shape = box.shape if isinstance(box, gym.spaces.Box) else None
        if shape is None or min(shape[:2]) < _SMALLEST:
            raise GroundingError(
                f"head_depth is {shape}, expected at least ({_SMALLEST}, {_SMALLEST}, 1). Cure: "
                "width and height of habitat.simulator.agents.main_agent.sim_sensors."
                "head_depth_sensor."
            )
        self._vectors = [name for name in ("state", "goal") if name in observation_space.spaces]
        sizes = [int((observation_space[name].shape or (0,))[0]) for name in self._vectors]
        super().__init__(observation_space, features_dim=picture_dim + sum(sizes))
        height, width, channels = shape
        picture = gym.spaces.Box(0.0, 1.0, (channels, height, width))
        self._picture = NatureCNN(picture, features_dim=picture_dim, normalized_image=True)

    def forward(self, observations: dict[str, th.Tensor]) -> th.Tensor:
        """Features, float32 ``(batch, features_dim)``."""
        seen = self._picture(observations["head_depth"].movedim(-1, 1))
        return th.cat([seen, *(observations[name] for name in self._vectors)], dim=1)
