"""The wrapper that puts the teacher's prior into ``info``."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.core import ActType, ObsType
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError, PriorError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.registry import check_actions, check_grounding, find_grounding
from gym_llmteacher.situation import (
    Advice,
    Situation,
    checked_option_actions,
    prior_from,
    uniform_prior,
)
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher

EnvT = TypeVar("EnvT", bound=gym.Env[Any, Any])


class LLMTeacherWrapper(gym.Wrapper[ObsType, ActType, ObsType, ActType], RecordConstructorArgs):
    """Ask a teacher about every observation and put its action prior into ``info``.

    ``info["teacher_prior"]``: float32 ``(n_actions,)``, sums to 1, a fresh array each step.
    ``info["teacher_weight"]``: float in [0, 1]; 0 means the teacher abstained and the prior is a
    uniform placeholder. Both describe the observation returned with them, and depend on nothing but
    the situation. Observations, rewards and actions pass through unchanged: the student acts.

    :param env: env with a Discrete action space
    :param teacher: ``None``: the embedded language model, which needs no key and no network; a
        litellm model name (``"ollama_chat/qwen3"``, ``"openai/gpt-4o-mini"``); a dict of it with
        litellm's own arguments (``{"model": "openai/my-model", "api_base": "http://..."}``); a dict
        ``{"script": "door_key_planner"}``; or any `Teacher`
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param epsilon: support floor, ``prior = (1 - epsilon) * prior + epsilon / n_actions``: advice
        is never a hard mask
    :param answers: file that keeps what a language model answered (default: in the user's cache
        folder, or ``$GYM_LLMTEACHER_ANSWERS``); ignored for other teachers
    :param elicitation: how a language model is asked: ``"need"``, ``"samples"`` or ``"logprobs"``
        (``None`` chooses by model); ignored for other teachers
    :raises GroundingError: no grounding knows the env, its actions are not Discrete, or names and
        actions disagree
    :raises ModelUnavailableError: unknown model, missing key, missing weights
    :raises AnswersFileError: the answers file is corrupt or is not one
    :raises PriorError: ``epsilon`` outside [0, 1)

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> obs, info = env.reset(seed=0)
        >>> info["teacher_prior"].shape, info["teacher_weight"]
        ((7,), 1.0)

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        env: gym.Env[ObsType, ActType],
        teacher: TeacherSpec = None,
        grounding: Grounding | None = None,
        epsilon: float = 0.02,
        answers: str | os.PathLike[str] | None = None,
        elicitation: str | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(
            self,
            teacher=teacher,
            grounding=grounding,
            epsilon=epsilon,
            answers=answers,
            elicitation=elicitation,
        )
        gym.Wrapper.__init__(self, env)
        if not isinstance(epsilon, (int, float)) or not 0.0 <= epsilon < 1.0:
            raise PriorError(
                f"epsilon is {epsilon!r}, expected a number in [0, 1): the share of the prior that "
                "is spread over all actions."
            )
        self.teacher: Teacher = make_teacher(teacher, answers=answers, elicitation=elicitation)
        check_actions(env)
        self.grounding: Grounding = (
            grounding or self.teacher.grounding_for(env) or find_grounding(env)
        )
        check_grounding(self.grounding, env)
        self.n_actions = int(env.action_space.n)  # type: ignore[attr-defined]
        self.epsilon = float(epsilon)
        self.teacher.probe()
        self.situation: Situation | None = None
        self.advice: Advice | None = None
        self._teaching = True
        self._checked: set[str] = set()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the env and ask about the first observation."""
        obs, info = self.env.reset(seed=seed, options=options)
        self.grounding.reset(self.env)
        return obs, self._taught(obs, info, over=False)

    def step(self, action: ActType) -> tuple[ObsType, float, bool, bool, dict[str, Any]]:
        """Step the env and ask about the new observation, unless the episode is over."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        info = self._taught(obs, info, over=terminated or truncated)
        return obs, float(reward), terminated, truncated, info

    def _taught(self, obs: ObsType, info: dict[str, Any], over: bool) -> dict[str, Any]:
        prior, weight = (
            self._ask(obs) if self._teaching and not over else (uniform_prior(self.n_actions), 0.0)
        )
        return {**info, "teacher_prior": prior, "teacher_weight": weight}

    def _ask(self, obs: ObsType) -> tuple[NDArray[np.float32], float]:
        situation = self.grounding.describe(self.env, obs)
        if situation.text not in self._checked:
            self._check(situation)
        (advice,) = self.teacher.advise([situation])
        self.situation, self.advice = situation, advice
        return prior_from(advice, situation, self.epsilon)

    def _check(self, situation: Situation) -> None:
        """Check a situation the first time its text is seen; that is cheap and early."""
        if not isinstance(situation, Situation):
            raise GroundingError(f"describe returned {situation!r}, expected a Situation.")
        checked_option_actions(situation.option_actions, len(situation.options), self.n_actions)
        self._checked.add(situation.text)

    def set_teaching(self, on: bool) -> None:
        """Stop or resume asking; while off, priors are uniform with weight 0.

        `TeacherPPO` switches this off when λ has reached 0 for good.
        """
        self._teaching = bool(on)

    def teacher_metrics(self) -> tuple[str, dict[str, float]]:
        """Identity of the teacher (shared teachers have the same) and its running totals."""
        return f"{os.getpid()}-{id(self.teacher)}", dict(self.teacher.metrics())
