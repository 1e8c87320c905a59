"""Grounding where the student chooses among options, and the env's own actions do not show."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation


class ChosenOptions(Grounding):
    """For envs wrapped by `OptionsWrapper`: the prior is over its options."""

    @staticmethod
    def supports(env: gym.Env[Any, Any]) -> bool:
        """Whether the actions of this env are options."""
        return env.has_wrapper_attr("options_situation")

    def solved(self, env: gym.Env[Any, Any], reward: float, terminated: bool) -> bool | None:
        """As the wrapper's own grounding sees it."""
        known = env.get_wrapper_attr("grounding").solved(env, reward, terminated)
        return None if known is None else bool(known)

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """The situation as the wrapper's own grounding sees it."""
        situation = env.get_wrapper_attr("options_situation")()
        assert isinstance(situation, Situation)
        return situation
