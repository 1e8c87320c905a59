"""Where experience was made: it means nothing elsewhere."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym


class Origin(NamedTuple):
    """An env family and the words it is described in.

    :param family: the env's id without its version, or the name of its class
    :param grounding: name of the grounding's class
    :param version: `Grounding.version`
    """

    family: str
    grounding: str
    version: int

    def __str__(self) -> str:
        return f"{self.family}, {self.grounding} version {self.version}"


def origin_of(env: gym.Env[Any, Any], grounding: Any) -> Origin:
    """The origin of what is experienced in an env.

    >>> import gym_llmteacher
    >>> from gym_llmteacher.groundings.registry import find_grounding
    >>> env = gym.make("LLMTeacher/LavaDoorKey-v0")
    >>> print(origin_of(env, find_grounding(env)))
    LLMTeacher/LavaDoorKey, DoorKeyGrounding version 1
    """
    spec = env.spec
    named = type(env.unwrapped).__name__
    family = named if spec is None else "/".join(filter(None, (spec.namespace, spec.name)))
    return Origin(family, type(grounding).__name__, int(grounding.version))


def goal_of(env: gym.Env[Any, Any]) -> float | None:
    """Return from which an env counts as solved, as its registration says; ``None``: it does not.

    >>> goal_of(gym.make("FrozenLake-v1"))
    0.7
    """
    threshold = None if env.spec is None else env.spec.reward_threshold
    return None if threshold is None else float(threshold)
