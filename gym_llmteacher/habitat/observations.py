"""Observations of habitat-lab as Stable-Baselines3 wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


def _flat(name: str, value: Vector) -> Vector:
    """Numbers as they are, but angles as cosine and sine: they have no jump."""
    if name.endswith("gps_compass"):  # (distance, -angle) per target
        pairs = value.reshape(-1, 2)
        angles = pairs[:, 1]
        return np.stack([pairs[:, 0], np.cos(angles), np.sin(angles)], axis=1).ravel()
    if name == "localization_sensor":  # x, y, z, heading
        return np.append(value[:3], (np.cos(value[3]), np.sin(value[3]))).astype(np.float32)
    return value.ravel()


class Observations:
    """Pictures under their own names, everything else in one vector ``state``.

    :param space: the env's observation space, a Dict of Boxes (of gym or of gymnasium)
    :param goals: names the target may have; adds ``goal``, one-hot, float32 ``(len(goals),)``

    >>> import gymnasium as gym
    >>> obs = Observations(gym.spaces.Dict({"is_holding": gym.spaces.Box(0, 1, (1,))}))
    >>> obs.space["state"].shape
    (1,)
    """

    def __init__(self, space: Any, goals: tuple[str, ...] = ()) -> None:
        boxes: Mapping[str, Any] = space.spaces
        self._pictures = [name for name, box in boxes.items() if len(box.shape) == 3]
        self._vectors = [name for name, box in boxes.items() if len(box.shape) == 1]
        self.goals = goals
        spaces: dict[str, gym.Space[Any]] = {
            name: gym.spaces.Box(
                boxes[name].low, boxes[name].high, boxes[name].shape, boxes[name].dtype
            )
            for name in self._pictures
        }
        parts = {
            name: _flat(name, np.zeros(boxes[name].shape, np.float32)) for name in self._vectors
        }
        self.slots: dict[str, slice] = {}
        size = 0
        for name, part in parts.items():
            self.slots[name] = slice(size, size + len(part))
            size += len(part)
        spaces["state"] = gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        if goals:
            spaces["goal"] = gym.spaces.Box(0.0, 1.0, (len(goals),), np.float32)
        self.space = gym.spaces.Dict(spaces)

    def read(self, observation: Mapping[str, Any], goal: str | None) -> dict[str, NDArray[Any]]:
        """Convert an observation; no array is shared with the simulator."""
        converted: dict[str, NDArray[Any]] = {
            name: np.array(observation[name]) for name in self._pictures
        }
        parts = [_flat(name, np.asarray(observation[name])) for name in self._vectors]
        converted["state"] = np.concatenate(parts).astype(np.float32)
        if self.goals:
            converted["goal"] = np.array([g == goal for g in self.goals], np.float32)
        return converted
