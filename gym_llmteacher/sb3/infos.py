"""Which info of a VecEnv describes which observation.

The info of ``step`` describes the observation returned with it. When an episode ends, a VecEnv
resets by itself: the info of the *new* observation is in ``reset_infos`` of the innermost VecEnv
(wrappers such as VecNormalize do not forward it), and that entry is stale where nothing ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv


def first_infos(env: VecEnv) -> list[dict[str, Any]]:
    """Infos of the last reset of every env."""
    return list(env.unwrapped.reset_infos)


def current_infos(
    env: VecEnv, infos: Sequence[Mapping[str, Any]], dones: NDArray[np.bool_]
) -> list[Mapping[str, Any]]:
    """Pick, per env, the info that describes the observation now returned by the VecEnv."""
    resets = env.unwrapped.reset_infos
    return [resets[i] if dones[i] else info for i, info in enumerate(infos)]
