"""The wrapper that puts the situation itself into ``info``, for a teacher that sits elsewhere."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.core import ActType, ObsType
from gymnasium.utils import RecordConstructorArgs

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.experience.origin import Origin, origin_of
from gym_llmteacher.groundings.actions import ActionGrounding
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.multi_discrete import MultiDiscreteGrounding
from gym_llmteacher.groundings.registry import check_actions, grounding_of
from gym_llmteacher.situation import Situation, checked_option_actions
from gym_llmteacher.wrappers.success import with_success


class GroundingWrapper(gym.Wrapper[ObsType, ActType, ObsType, ActType], RecordConstructorArgs):
    """Describe every observation: ``info["teacher_situation"]`` is a `Situation`.

    For `VecTeacher` and `VectorTeacher`, which ask one teacher for all envs at once. ``None`` where
    nothing is to be asked: at the end of an episode, and while teaching is switched off. There it
    adds ``info["is_success"]`` where the grounding can tell and the env does not say. With
    MultiDiscrete actions and a `MultiDiscreteGrounding` it is a tuple, one `Situation` for each
    action dimension.

    :param env: env with a Discrete or MultiDiscrete action space
    :param grounding: how to describe the env; ``None`` finds one by the env
    :raises GroundingError: no grounding knows the env, its actions are neither Discrete nor
        MultiDiscrete, or names and actions disagree

    Example::

        >>> import gym_llmteacher
        >>> env = GroundingWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"))
        >>> env.reset(seed=0)[1]["teacher_situation"].text
        'Agent sees <nothing>. Agent holds <nothing>.'

    Change log: 0.1.0 - added.
    """

    def __init__(self, env: gym.Env[ObsType, ActType], grounding: Grounding | None = None) -> None:
        RecordConstructorArgs.__init__(self, grounding=grounding)
        gym.Wrapper.__init__(self, env)
        self._ground(grounding)

    def _ground(self, grounding: Grounding | None) -> None:
        check_actions(self.env)
        self.grounding: Grounding = grounding_of(self.env, grounding)
        self.sizes = action_sizes(self.env.action_space)
        self._every, self._unheard = 1, 0
        self._checked: Bounded[tuple[Any, ...], None] = Bounded(10_000)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the env and describe the first observation."""
        obs, info = self.env.reset(seed=seed, options=options)
        self.grounding.reset(self.env)
        self.grounding.observe(self.env, obs)
        self._unheard = 0
        return obs, {**info, **self._entries(obs, asking=self._every > 0)}

    def step(self, action: ActType) -> tuple[ObsType, float, bool, bool, dict[str, Any]]:
        """Step the env and describe the new observation, unless the episode is over."""
        return self._described(*self.env.step(action), action)

    def _described(
        self, obs: ObsType, reward: Any, terminated: bool, truncated: bool, info: dict[str, Any],
        action: ActType,
    ) -> tuple[ObsType, float, bool, bool, dict[str, Any]]:  # fmt: skip
        """What `step` returns for what the env has returned."""
        self.grounding.observe(self.env, obs, action)
        self._unheard += 1
        asking = not (terminated or truncated) and self._unheard == self._every
        if asking:
            self._unheard = 0
        info = {**info, **self._entries(obs, asking)}
        if terminated or truncated:
            info = with_success(self.env, self.grounding, reward, terminated, truncated, info)
        return obs, float(reward), terminated, truncated, info

    def _entries(self, obs: ObsType, asking: bool) -> dict[str, Any]:
        """What is added to ``info`` for this observation."""
        described = self._describe(obs) if asking else (None,)
        return {"teacher_situation": described[0] if len(described) == 1 else described}

    def _describe(self, obs: ObsType) -> tuple[Situation, ...]:
        """What is to be asked: one question per action dimension, of which Discrete has one."""
        if isinstance(self.grounding, MultiDiscreteGrounding):
            situations = self.grounding.describe_dims(self.env, obs)
        else:
            situations = (self.grounding.describe(self.env, obs),)
        for situation, n_actions in zip(situations, self.sizes, strict=True):
            if not isinstance(situation, Situation):
                raise GroundingError(f"describe returned {situation!r}, expected a Situation.")
            words = (situation.text, situation.options)
            if words not in self._checked:
                # The first time these words are seen; that is cheap and early.
                rows = situation.option_actions
                checked_option_actions(rows, len(situation.options), n_actions)
                self._checked[words] = None
        return situations

    def origin(self) -> Origin:
        """What `Experience` made here belongs to."""
        return origin_of(self.env, self.grounding)

    def options_are_actions(self) -> bool:
        """Whether each option is one action: practice could try nothing that a student does not."""
        return isinstance(self.grounding, (ActionGrounding, MultiDiscreteGrounding))

    def set_teaching(self, every: int) -> None:
        """Stop or resume describing (and asking).

        `TeacherPPO` switches this off when λ has reached 0 for good.

        :param every: 0 or ``False``: not at all; 1 or ``True``: at every step; n: at the first
            observation of an episode and every n-th after it
        """
        self._every, self._unheard = int(every), 0
