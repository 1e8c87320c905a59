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

from gym_llmteacher.errors import PriorError


def first_infos(env: VecEnv) -> list[dict[str, Any]]:
    """Infos of the last reset of every env."""
    return list(_reset_infos(env))


def current_infos(
    env: VecEnv, infos: Sequence[Mapping[str, Any]], dones: NDArray[np.bool_]
) -> list[Mapping[str, Any]]:
    """Pick, per env, the info that describes the observation now returned by the VecEnv."""
    resets = _reset_infos(env) if dones.any() else ()
    return [resets[i] if dones[i] else info for i, info in enumerate(infos)]


def _reset_infos(env: VecEnv) -> Sequence[dict[str, Any]]:
    inner = env.unwrapped
    try:
        return inner.reset_infos
    except AttributeError:
        raise PriorError(
            f"{type(inner).__name__} has no attribute 'reset_infos', and advice on the first "
            "observation of an episode is read from it; expected a list of one info per env, set "
            "at every reset as Stable-Baselines3's VecEnv does. Call super().__init__() in it and "
            "fill self.reset_infos, or pass teacher_coef=0."
        ) from None
