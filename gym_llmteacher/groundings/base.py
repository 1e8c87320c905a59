"""The grounding protocol: what an env state means, in words and in options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym

from gym_llmteacher.situation import Situation


class Grounding(ABC):
    """Knows one family of environments: turns the state of an env into a `Situation`.

    A grounding may remember what was seen in the current episode (one grounding per env), but it
    reads only what the agent could know. It never draws random numbers from the env.
    """

    task: str = ""
    """What is to be achieved, in words."""

    examples: str = ""
    """A worked example for chain-of-thought prompts (may be empty)."""

    def reset(self, env: gym.Env[Any, Any]) -> None:  # noqa: B027
        """Forget the last episode. Called after ``env.reset``, before `observe`."""

    def observe(self, env: gym.Env[Any, Any], obs: Any, action: Any = None) -> None:  # noqa: B027
        """Take in an observation, in order to remember it.

        Called after every reset (``action`` is ``None``) and every step, before `describe`, also
        when nothing is to be described.

        :param action: the action that led to ``obs``
        """

    @abstractmethod
    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """The situation the agent is in now.

        :param env: the wrapped env (use ``env.unwrapped`` for the simulator's own state)
        :param obs: the observation it has just returned
        """
