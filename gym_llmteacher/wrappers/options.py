"""Options as actions: hierarchical reinforcement learning over the same skills, no teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.policies import OptionGrounding
from gym_llmteacher.groundings.registry import find_grounding
from gym_llmteacher.option_actions import LazyRows
from gym_llmteacher.situation import Situation


class OptionsWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replace an env's actions by its options; one step carries an option out until it ends.

    An option ends when it is finished, when what can be said of the situation changes, when the
    episode ends, or after ``max_length`` steps. One that does not apply now costs one step with the
    action ``noop_action``. ``info["option_steps"]`` is the number of env steps it took; rewards are
    summed.

    With an `OptionGrounding` it makes any action space Discrete: options may return arrays. A
    teacher goes outside; its prior is then over the options.

    :param options: names of the options, one per action; ``None``: all those of an
        `OptionGrounding`
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param max_length: env steps that one option may take
    :param noop_action: what to do for an option that does not apply (zeros in arrays of actions)
    :raises GroundingError: no options, no grounding knows the env, or its actions are not Discrete
        and its options are not functions of yours

    Example::

        >>> import gym_llmteacher
        >>> env = gym.make("LLMTeacher/SimpleDoorKey-v0")
        >>> env = OptionsWrapper(env, ["explore", "go to key", "pick up key"], noop_action=6)
        >>> _ = env.reset(seed=0)
        >>> env.step(0)[-1]["option_steps"] >= 1
        True

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        options: Sequence[str] | None = None,
        grounding: Grounding | None = None,
        max_length: int = 50,
        noop_action: Any = 0,
    ) -> None:
        RecordConstructorArgs.__init__(
            self,
            options=options,
            grounding=grounding,
            max_length=max_length,
            noop_action=noop_action,
        )
        gym.Wrapper.__init__(self, env)
        self.grounding = find_grounding(env) if grounding is None else grounding
        if options is None and isinstance(self.grounding, OptionGrounding):
            options = self.grounding.options
        if not options or isinstance(options, str):
            raise GroundingError(f"options is {options!r}, expected a list of option names.")
        self.options = tuple(options)
        discrete = isinstance(env.action_space, gym.spaces.Discrete)
        if not discrete and not isinstance(self.grounding, OptionGrounding):
            raise GroundingError(
                f"the action space is {env.action_space}, expected Discrete, or an OptionGrounding "
                "whose options are functions that return such actions."
            )
        self.action_space = gym.spaces.Discrete(len(self.options))
        self.max_length = max_length
        self.noop_action = noop_action
        arrays = (gym.spaces.Box, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)
        if isinstance(env.action_space, arrays) and np.ndim(noop_action) == 0:
            self.noop_action = np.full(
                env.action_space.shape, noop_action, dtype=env.action_space.dtype
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the env."""
        obs, info = self.env.reset(seed=seed, options=options)
        self.grounding.reset(self.env)
        self.grounding.observe(self.env, obs)
        self._obs = obs
        return obs, {**info, "option_steps": 0}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Carry out an option."""
        name = self.options[int(action)]
        text, total, steps = None, 0.0, 0
        terminated = truncated = False
        info: dict[str, Any] = {}
        while not (terminated or truncated) and steps < self.max_length:
            situation = self.grounding.describe(self.env, self._obs)
            primitive = self._primitive(situation, name)
            if steps and (primitive is None or situation.text != text):
                break
            text = situation.text
            chosen: Any = self.noop_action if primitive is None else primitive
            self._obs, reward, terminated, truncated, info = self.env.step(chosen)
            self.grounding.observe(self.env, self._obs, chosen)
            total += float(reward)
            steps += 1
            if primitive is None:
                break
        return self._obs, total, terminated, truncated, {**info, "option_steps": steps}

    def options_situation(self) -> Situation:
        """The situation now, its options in terms of this wrapper's own actions."""
        inner = self.grounding.describe(self.env, self._obs)
        known = [name for name in self.options if name in inner.options]
        rules = [partial(self._number, inner, name) for name in known]
        return replace(
            inner, options=tuple(known), option_actions=LazyRows(len(self.options), rules)
        )

    def _number(self, situation: Situation, name: str) -> int | None:
        """The wrapper's action for an option that applies now."""
        applies = self._primitive(situation, name) is not None
        return self.options.index(name) if applies else None

    def _primitive(self, situation: Situation, name: str) -> Any:
        """The env's own action that the option takes now."""
        if isinstance(self.grounding, OptionGrounding):
            return self.grounding.act(name, self.env, self._obs)
        if name not in situation.options:
            return None
        row = situation.option_actions[situation.options.index(name)]
        return int(row.argmax()) if row.any() else None
