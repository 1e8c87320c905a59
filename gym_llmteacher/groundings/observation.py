"""Grounding for teachers that read observations instead of words."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation


class ObservationGrounding(Grounding):
    """Hands the observation over as it is; every action is an option.

    :param n_actions: number of actions of the env

    >>> ObservationGrounding(2).describe(None, 7).options
    ('action 0', 'action 1')
    """

    def __init__(self, n_actions: int) -> None:
        self._options = tuple(f"action {i}" for i in range(n_actions))
        self._rows = np.eye(n_actions, dtype=np.float32)

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Return a situation whose content is ``obs``; there are no words for it."""
        return Situation("", self._options, self._rows, obs=obs)
