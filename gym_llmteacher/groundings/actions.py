"""Grounding for a user's own env: a describe function and the names of the actions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation


class ActionGrounding(Grounding):
    """Every action is an option, and a function says in words what the agent faces.

    :param describe: ``describe(obs, env) -> str`` (or ``describe(obs) -> str``); the same situation
        should give the same words: answers are shared by words, task and options
    :param actions: a name per action of the env, in the order of the action space
    :param task: what is to be achieved, in words
    :param example: a worked example for prompts that show one
    :param solved: ``solved(reward, terminated)`` -> whether an episode that ended with this reward
        is a success; for envs whose infos have no ``is_success``
    :raises GroundingError: names that are empty or not distinct, ``describe`` not callable

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import ActionGrounding
        >>> grounding = ActionGrounding(
        ...     describe=lambda obs: f"The elf stands in row {obs // 4}, column {obs % 4}.",
        ...     actions=["go left", "go down", "go right", "go up"],
        ...     task="cross the frozen lake to row 3, column 3")
        >>> env = gym.make("FrozenLake-v1")
        >>> obs, _ = env.reset(seed=0)
        >>> grounding.describe(env, obs).text
        'The elf stands in row 0, column 0.'
    """

    def __init__(
        self,
        describe: Callable[..., str],
        actions: Sequence[str],
        task: str = "",
        example: str = "",
        solved: Callable[[float, bool], bool] | None = None,
    ) -> None:
        if not callable(describe):
            raise GroundingError(
                f"describe is {describe!r}, expected a function (obs, env) -> str."
            )
        names = tuple(str(name).strip() for name in actions) if not isinstance(actions, str) else ()
        if not names or "" in names or len(set(names)) != len(names):
            raise GroundingError(
                f"actions is {actions!r}, expected a list of distinct, non-empty names, one per "
                "action of the env."
            )
        self.actions = names
        self.task = task
        self.example = example
        self._solved = solved
        self._describe = describe
        self._takes_env = takes_two(describe)
        self.rows = np.eye(len(names), dtype=np.float32)

    def check(self, env: gym.Env[Any, Any]) -> None:
        """Compare the names with the env's actions.

        :raises GroundingError: not as many names as actions
        """
        n_actions = int(env.action_space.n)  # type: ignore[attr-defined]
        if len(self.actions) != n_actions:
            raise GroundingError(
                f"{len(self.actions)} action names ({', '.join(self.actions)}) for an env with "
                f"{n_actions} actions; expected one name per action, in the order of the space."
            )

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """Call the user's function; every action is an option that does itself."""
        text = self._describe(obs, env) if self._takes_env else self._describe(obs)
        return Situation(
            checked_text(text), self.actions, self.rows, task=self.task, example=self.example
        )


def checked_text(text: Any) -> str:
    """What a user's describe function returned.

    :raises GroundingError: it is no text
    """
    if not isinstance(text, str) or not text.strip():
        raise GroundingError(
            f"describe returned {text!r}, expected a non-empty string. Does every branch of "
            "the function return its text?"
        )
    return text.strip()


def takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function takes ``(obs, env)`` and not only ``(obs)``."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have none
        return False
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True
