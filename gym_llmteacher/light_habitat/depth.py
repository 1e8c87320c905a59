"""A depth camera that looks at a height map."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.light_habitat.house import CELL, forward

CAMERA_HEIGHT = 1.1
_STEP = 0.125  # metres between looks along a ray


class DepthCamera:
    """A pinhole camera at the robot's head, looking straight ahead.

    :param height: rows of the picture
    :param width: columns of the picture
    :param hfov: horizontal field of view, degrees
    :param max_depth: metres; what is farther away is not seen
    """

    def __init__(self, height: int, width: int, hfov: float, max_depth: float) -> None:
        slope = math.tan(math.radians(hfov) / 2)
        self._right = ((np.arange(width) + 0.5) / width * 2 - 1) * slope
        down = ((np.arange(height) + 0.5) / height * 2 - 1) * slope * height / width
        z = np.arange(_STEP, max_depth + _STEP, _STEP)
        self._z = np.minimum(z, max_depth).astype(np.float32)
        # How high each row's ray is at each distance, (height, 1, samples).
        self._ray = (CAMERA_HEIGHT - down[:, None, None] * self._z).astype(np.float32)

    def look(
        self, heights: NDArray[np.float32], position: NDArray[np.float32], yaw: float
    ) -> NDArray[np.float32]:
        """Distance along the optical axis, float32 ``(height, width, 1)``, metres.

        :param heights: what there is to see, float32 ``(nx, nz)``, metres
        :param position: of the robot, ``(x, y, z)``, metres
        :param yaw: its heading, radians
        """
        x, z = forward(yaw)
        # The vector to the right of (x, z) is (-z, x).
        xs = position[0] + np.outer(x - z * self._right, self._z)
        zs = position[2] + np.outer(z + x * self._right, self._z)
        i = np.clip((xs / CELL).astype(np.int32), 0, heights.shape[0] - 1)
        j = np.clip((zs / CELL).astype(np.int32), 0, heights.shape[1] - 1)
        hit = heights[i, j][None] >= self._ray
        hit[:, :, -1] = True
        seen: NDArray[np.float32] = self._z[hit.argmax(axis=2), None]
        return seen
