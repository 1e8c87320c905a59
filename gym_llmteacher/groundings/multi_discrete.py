"""Grounding for MultiDiscrete actions: one question per dimension."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.actions import ActionGrounding
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation


class MultiDiscreteGrounding(Grounding):
    """Every dimension of a MultiDiscrete action is asked about by itself.

    What the agent faces is the same text for all; ``To be decided: gear.`` is added to it, and the
    options are the names of that dimension. The priors are put one after the other.

    :param describe: ``describe(obs, env) -> str`` (or ``describe(obs) -> str``), as for
        `ActionGrounding`
    :param dims: name of each dimension -> a name per value, in the order of the action space
    :param task: what is to be achieved, in words
    :param example: a worked example for prompts that show one
    :raises GroundingError: no dims, names that are empty or not distinct, ``describe`` not
        callable

    Example::

        >>> from gym_llmteacher import MultiDiscreteGrounding
        >>> grounding = MultiDiscreteGrounding(
        ...     describe=lambda obs: "A cow stands on the road.",
        ...     dims={"pedal": ["brake", "coast", "accelerate"], "horn": ["silent", "honk"]},
        ...     task="drive home")
        >>> env = gym.Env()
        >>> [(s.text, s.options) for s in grounding.describe_dims(env, None)][1]
        ('A cow stands on the road. To be decided: horn.', ('silent', 'honk'))

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        describe: Callable[..., str],
        dims: Mapping[str, Sequence[str]],
        task: str = "",
        example: str = "",
    ) -> None:
        if not isinstance(dims, Mapping) or not dims or not all(map(str.strip, dims)):
            raise GroundingError(
                f"dims is {dims!r}, expected a dict of a name per dimension and its values' "
                "names, such as {'pedal': ['brake', 'coast'], 'horn': ['silent', 'honk']}."
            )
        self.task = task
        self.example = example
        self._parts = {
            name.strip(): ActionGrounding(describe, names, task, example)
            for name, names in dims.items()
        }

    @property
    def actions(self) -> tuple[str, ...]:
        """A name per entry of the prior."""
        return tuple(
            f"{dimension}: {n}" for dimension, part in self._parts.items() for n in part.actions
        )

    def check(self, env: gym.Env[Any, Any]) -> None:
        """Compare the names with the env's actions.

        :raises GroundingError: not as many dims, or not as many names, as the env has
        """
        expected = action_sizes(env.action_space)
        got = tuple(len(part.actions) for part in self._parts.values())
        if got != expected or not isinstance(env.action_space, gym.spaces.MultiDiscrete):
            raise GroundingError(
                f"dims has {', '.join(map(str, got))} names ({', '.join(self._parts)}) for an "
                f"env with the action space {env.action_space}; expected a name per value of each "
                "dimension of a MultiDiscrete space, in its order."
            )

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        """The situation of the first dimension."""
        return self.describe_dims(env, obs)[0]

    def describe_dims(self, env: gym.Env[Any, Any], obs: Any) -> tuple[Situation, ...]:
        """Call the user's function once; a situation per dimension."""
        first = next(iter(self._parts.values())).describe(env, obs)
        return tuple(
            dataclasses.replace(
                first,
                text=f"{first.text} To be decided: {name}.",
                options=part.actions,
                option_actions=part.rows,
            )
            for name, part in self._parts.items()
        )
