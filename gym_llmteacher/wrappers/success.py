"""Whether an episode was a success, where the env itself does not say."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.core import ActType, ObsType
from gymnasium.utils import RecordConstructorArgs

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.registry import find_grounding


def with_success(
    env: gym.Env[Any, Any],
    grounding: Grounding,
    reward: Any,
    terminated: bool,
    truncated: bool,
    info: dict[str, Any],
) -> dict[str, Any]:
    """The info of a step; where an episode ends, with ``is_success`` if the grounding can tell."""
    if not (terminated or truncated) or "is_success" in info:
        return info
    solved = grounding.solved(env, float(reward), bool(terminated))
    return info if solved is None else {**info, "is_success": solved}


class SuccessInfo(gym.Wrapper[ObsType, ActType, ObsType, ActType], RecordConstructorArgs):
    """``info["is_success"]`` at the end of episodes, for students that are not taught any more.

    Stable-Baselines3 logs it as ``rollout/success_rate``. `GroundingWrapper` and
    `LLMTeacherWrapper` add it, too.

    :param env: any env; one that no grounding knows is left as it is

    Example::

        >>> env = SuccessInfo(gym.make("FrozenLake-v1", is_slippery=False))
        >>> _ = env.reset(seed=0)
        >>> [env.step(action)[4].get("is_success") for action in (1, 2)]
        [None, False]

    Change log: 0.1.0 - added.
    """

    def __init__(self, env: gym.Env[ObsType, ActType]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        try:
            self._grounding: Grounding | None = find_grounding(env)
        except GroundingError:
            self._grounding = None

    def step(self, action: ActType) -> tuple[ObsType, Any, bool, bool, dict[str, Any]]:
        """Step the env."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        if self._grounding is not None:
            info = with_success(self.env, self._grounding, reward, terminated, truncated, info)
        return obs, reward, terminated, truncated, info
