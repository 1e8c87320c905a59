"""Options as actions: hierarchical reinforcement learning over the same skills, no teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.registry import find_grounding


class OptionActions(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replace an env's actions by its options; one step carries an option out until it ends.

    An option ends when it is finished, when what can be said of the situation changes, when the
    episode ends, or after ``max_length`` steps. One that does not apply now costs one step with the
    action ``idle``. ``info["frames"]`` is the number of env steps it took; rewards are summed.

    :param options: names of the options, one per action
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param max_length: env steps that one option may take
    :param idle: what to do for an option that does not apply
    :raises GroundingError: no options, or no grounding knows the env

    Example::

        >>> import gym_llmteacher
        >>> env = gym.make("LLMTeacher/SimpleDoorKey-v0")
        >>> env = OptionActions(env, ["explore", "go to key", "pick up key"], idle=6)
        >>> _ = env.reset(seed=0)
        >>> env.step(0)[-1]["frames"] >= 1
        True

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        options: Sequence[str],
        grounding: Grounding | None = None,
        max_length: int = 50,
        idle: int = 0,
    ) -> None:
        RecordConstructorArgs.__init__(
            self, options=options, grounding=grounding, max_length=max_length, idle=idle
        )
        gym.Wrapper.__init__(self, env)
        self.options = tuple(options)
        if not self.options or isinstance(options, str):
            raise GroundingError(f"options is {options!r}, expected a list of option names.")
        self.grounding = grounding or find_grounding(env)
        self.action_space = gym.spaces.Discrete(len(self.options))
        self.max_length = max_length
        self.idle = idle

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the env."""
        obs, info = self.env.reset(seed=seed, options=options)
        self.grounding.reset(self.env)
        self.grounding.observe(self.env, obs)
        self._obs = obs
        return obs, {**info, "frames": 0}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Carry out an option."""
        name = self.options[int(action)]
        text, total, frames = None, 0.0, 0
        terminated = truncated = False
        info: dict[str, Any] = {}
        while not (terminated or truncated) and frames < self.max_length:
            situation = self.grounding.describe(self.env, self._obs)
            primitive = self._primitive(situation, name)
            if frames and (primitive is None or situation.text != text):
                break
            text = situation.text
            chosen: Any = self.idle if primitive is None else primitive
            self._obs, reward, terminated, truncated, info = self.env.step(chosen)
            self.grounding.observe(self.env, self._obs, chosen)
            total += float(reward)
            frames += 1
            if primitive is None:
                break
        return self._obs, total, terminated, truncated, {**info, "frames": frames}

    @staticmethod
    def _primitive(situation: Any, name: str) -> int | None:
        """The env's own action that the option takes now."""
        if name not in situation.options:
            return None
        row = situation.option_actions[situation.options.index(name)]
        return int(row.argmax()) if row.any() else None
