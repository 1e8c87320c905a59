"""A small encoding of `HabitatEnv` observations, for students that learn on a CPU."""

from __future__ import annotations

import math

import gymnasium as gym
import torch as th
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from gym_llmteacher.errors import GroundingError


class HabitatFeatures(BaseFeaturesExtractor):
    """Depth as 8 × 8 averages; places as waves, so that a small network can tell them apart.

    A student over options needs neither: ``depth=False, waves=0``.

    Where each target is on the map is worked out from the robot's pose and the direction to the
    target: both are privileged. Needs the sensors ``obj_start_gps_compass`` and
    ``localization_sensor``; without them see `DepthFeatures`.

    :param slots: ``HabitatEnv.state_slots``
    :param waves: number of frequencies per coordinate
    :param size: metres, the longest wave
    :param depth: whether to look at the depth view
    :raises GroundingError: one of the two sensors is missing
    """

    _frequencies: th.Tensor
    _scale: th.Tensor

    def __init__(
        self,
        observation_space: gym.spaces.Dict,
        slots: dict[str, slice],
        waves: int = 4,
        size: float = 12.0,
        depth: bool = True,
    ) -> None:
        super().__init__(observation_space, features_dim=1)
        missing = {"obj_start_gps_compass", "localization_sensor"} - set(slots)
        if missing:
            raise GroundingError(
                f"state has {', '.join(slots)}, expected also {', '.join(sorted(missing))}. Cure: "
                "add them to habitat.gym.obs_keys, or use DepthFeatures, which needs neither."
            )
        self._compass, self._pose = slots["obj_start_gps_compass"], slots["localization_sensor"]
        frequencies = 2 * math.pi / size * th.arange(1, waves + 1)
        self.register_buffer("_frequencies", frequencies.float())
        scale = th.ones(observation_space["state"].shape or ())
        scale[self._compass.start : self._compass.stop : 3] = 0.2  # one distance per target
        scale[self._pose.start : self._pose.start + 3] = 0.2
        self.register_buffer("_scale", scale)  # metres to about 1
        self._depth = depth
        self._pool = th.nn.AdaptiveAvgPool2d(8)
        with th.no_grad():
            sample = {k: th.zeros(1, *space.shape or ()) for k, space in observation_space.items()}
            self._features_dim = int(self.forward(sample).shape[1])

    def forward(self, observations: dict[str, th.Tensor]) -> th.Tensor:
        """Features, float32 ``(batch, features_dim)``."""
        state = observations["state"]
        # (batch, targets) each; right is positive
        distance, cosine, sine = state[:, self._compass].reshape(len(state), -1, 3).unbind(2)
        x, _, z, cos_yaw, sin_yaw = state[:, self._pose, None].unbind(1)
        # Heading h looks along (cos h, -sin h); a target to the right is at h - angle.
        goal_x = x + distance * (cos_yaw * cosine + sin_yaw * sine)
        goal_z = z - distance * (sin_yaw * cosine - cos_yaw * sine)
        places = th.cat([x, z, goal_x, goal_z], dim=1)
        angles = (places[:, :, None] * self._frequencies).flatten(1)
        parts = [state * self._scale, places * 0.2, angles.sin(), angles.cos()]
        if self._depth:
            parts.append(self._pool(observations["head_depth"].movedim(-1, 1)).flatten(1))
        if "goal" in observations:
            parts.append(observations["goal"])
        return th.cat(parts, dim=1)
