"""The grounding protocol: what an env state means, in words and in options."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from gym_llmteacher.groundings.target import Target
from gym_llmteacher.situation import Situation

if TYPE_CHECKING:
    from typing import Self


class Grounding(ABC):
    """Knows one family of environments: turns the state of an env into a `Situation`.

    A grounding may remember what was seen in the current episode (one grounding per env), but it
    reads only what the agent could know. It never draws random numbers from the env.
    """

    task: str = ""
    """What is to be achieved, in words."""

    example: str = ""
    """A worked example for prompts that show one; `describe` puts it into its situations."""

    version: int = 1
    """To be raised when the words change: what was experienced with others no longer fits."""

    has_targets: bool = False
    """Whether `target` can say where things are."""

    _solved: Callable[[float, bool], bool] | None = None

    def solved(self, env: gym.Env[Any, Any], reward: float, terminated: bool) -> bool | None:
        """Whether an episode that is over was a success, where the env itself does not say.

        :param reward: of its last step
        :param terminated: it came to an end of its own, and was not cut off
        :return: ``None``: this cannot be said here; it is never a success or a failure then
        """
        return None if self._solved is None else bool(self._solved(reward, terminated))

    def reset(self, env: gym.Env[Any, Any]) -> None:  # noqa: B027
        """Forget the last episode. Called after ``env.reset``, before `observe`."""

    def observe(self, env: gym.Env[Any, Any], obs: Any, action: Any = None) -> None:  # noqa: B027
        """Take in an observation, in order to remember it.

        Called after every reset (``action`` is ``None``) and every step, before `describe`, also
        when nothing is to be described.

        :param action: the action that led to ``obs``
        """

    def target(self, option: str) -> Target | None:
        """What an option of the situation described last is about; ``None``: nothing to be seen."""
        return None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # gymnasium.utils.RecordConstructorArgs deep-copies every wrapper argument.
        try:
            copied = object.__new__(type(self))
            copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        except TypeError:  # a lock, a file: it stays the same one
            return self
        return copied

    @abstractmethod
    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """The situation the agent is in now.

        :param env: the wrapped env (use ``env.unwrapped`` for the simulator's own state)
        :param obs: the observation it has just returned
        """
