"""The wrapper that puts the teacher's prior into ``info``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from gymnasium.core import ActType, ObsType
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from gym_llmteacher.advice import Advice
from gym_llmteacher.advising.adviser import Adviser, K, Weight
from gym_llmteacher.advising.conditions import Condition
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.llm.redact import without_keys
from gym_llmteacher.practice.practised import PractisedTeacher
from gym_llmteacher.practice.recorded import RecordedTeacher
from gym_llmteacher.prior import Pending
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.make import TeacherSpec, in_process, make_teacher
from gym_llmteacher.wrappers.grounding import GroundingWrapper


class LLMTeacherWrapper(GroundingWrapper[ObsType, ActType]):
    """Ask a teacher about every observation and put its action prior into ``info``.

    ``info["teacher_prior"]``: float32 ``(n_actions,)``, sums to 1, a fresh array each step.
    ``info["teacher_weight"]``: float in [0, 1]; 0 means the teacher abstained and the prior is a
    uniform placeholder. Both describe the observation returned with them, and depend on nothing but
    the situation. Observations, rewards and actions pass through unchanged: the student acts.

    With MultiDiscrete actions and a `MultiDiscreteGrounding`, each action dimension is asked about
    by itself: ``teacher_prior`` is the dimensions' priors one after the other, float32
    ``(sum(nvec),)``, and ``teacher_weight`` float32 ``(n_dims,)``.

    :param env: env with a Discrete or MultiDiscrete action space
    :param teacher: ``None``: the embedded language model, which needs no key and no network; a
        litellm model name (``"ollama_chat/qwen3"``, ``"openai/gpt-4o-mini"``); a dict of it with
        any arguments of `LLMTeacher` and of litellm (``{"model": "openai/my-model", "api_base":
        "http://...", "budget": {"usd": 2.0}}``); ``"script:door_key_planner"``; or any `Teacher`.
        See `gym_llmteacher.teachers.make`
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param smoothing: support floor, ``prior = (1 - smoothing) * prior + smoothing / n_actions``:
        advice is never a hard mask
    :param answers: file that keeps what a language model answered (default: in the user's cache
        folder, or ``$GYM_LLMTEACHER_ANSWERS``)
    :param elicitation: how a language model is asked: ``"subgoal"``, ``"samples"`` or
        ``"logprobs"`` (``None`` chooses by model)
    :param ask: when to ask, such as ``AtReset() | NewText()``, or ``"at_reset | new_text"``
        (`gym_llmteacher.advising.conditions`); ``None``: about every observation. What is known
        already is used in any case; where nothing is asked, the last advice of the episode stands
    :param process: ask from a process of its own (`ProcessTeacher`)
    :param workers: questions open at once in the background, while stepping goes on: the weight is
        0 until the answer is there, and `TeacherPPO` fills it in before its update. 0: every answer
        is waited for
    :param late_timeout: with ``workers``, seconds to wait for late answers before each update
    :raises GroundingError: no grounding knows the env, its actions are neither Discrete nor
        MultiDiscrete, or names and actions disagree
    :raises TeacherSpecError: ``teacher`` names no teacher, has unknown arguments, or takes no
        ``answers`` or ``elicitation`` and got one
    :raises ModelUnavailableError: unknown model, missing key, missing weights
    :raises AnswersFileError: the answers file is corrupt or is not one
    :raises PriorError: ``smoothing`` outside [0, 1)
    :raises ConditionError: ``ask`` is no condition

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher="script:door_key_planner")
        >>> obs, info = env.reset(seed=0)
        >>> info["teacher_prior"].shape, info["teacher_weight"]
        ((7,), 1.0)

    Change log: 0.1.0 - added.
    """

    puts_priors = True

    def __init__(
        self,
        env: gym.Env[ObsType, ActType],
        teacher: TeacherSpec = None,
        grounding: Grounding | None = None,
        smoothing: float = 0.02,
        answers: str | os.PathLike[str] | None = None,
        elicitation: str | None = None,
        ask: Condition | str | None = None,
        process: bool = False,
        workers: int = 0,
        late_timeout: float = 5.0,
    ) -> None:
        # What is recorded is shown, and written as JSON: a key in it would go wherever that goes.
        RecordConstructorArgs.__init__(
            self, teacher=without_keys(teacher), grounding=grounding, smoothing=smoothing,
            answers=without_keys(answers),
            elicitation=elicitation, ask=ask, process=process, workers=workers,
            late_timeout=late_timeout,
        )  # fmt: skip
        gym.Wrapper.__init__(self, env)
        self.teacher = make_teacher(teacher, answers=answers, elicitation=elicitation)
        if process:
            self.teacher = in_process(self.teacher, max(1, workers))
        # A teacher may bring its own way to look at the env.
        self._ground(self.teacher.grounding_for(env) if grounding is None else grounding)
        self.adviser = Adviser(
            self.teacher, self.sizes, ask=ask, smoothing=smoothing, workers=workers,
            late_timeout=late_timeout,
        )  # fmt: skip

    @property
    def situation(self) -> Situation | None:
        """What was asked about last; of several action dimensions, the first."""
        return next(iter(self.adviser.said[0].situations), None)

    @property
    def advice(self) -> Advice | None:
        """What was said to it; ``None`` if nothing was said so far."""
        return next(iter(self.adviser.said[0].advices), None)

    def said(self) -> Pending:
        """The situations that describe the present observation, and what is advised."""
        return self.adviser.said[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the env and advise on the first observation."""
        self.adviser.start()
        return super().reset(seed=seed, options=options)

    def step(self, action: ActType) -> tuple[ObsType, float, bool, bool, dict[str, Any]]:
        """Step the env and advise on the new observation, unless the episode is over."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        self.adviser.hear(float(reward), terminated or truncated)
        return self._described(obs, float(reward), terminated, truncated, info, action)

    def _entries(self, obs: ObsType, asking: bool) -> dict[str, Any]:
        adviser = self.adviser
        return (adviser.advise(self._describe(obs), obs) if asking else adviser.silent()).info()

    def late_priors(
        self, pending: Mapping[K, Pending], timeout: float | None = None
    ) -> list[tuple[K, NDArray[Any], Weight]]:
        """Wait for late answers (``info["teacher_pending"]``).

        :param pending: them, by any key
        :param timeout: seconds in all; ``None``: ``late_timeout``
        :return: ``(key, prior, weight)`` of those that have arrived
        """
        return list(self.adviser.late(pending, timeout))

    def use_experience(self, experience: Experience) -> None:
        """Advise in the light of experience from now on (`PractisedTeacher`)."""
        self.teacher = PractisedTeacher.around(self.teacher, experience)
        self.adviser.use(self.teacher)

    def use_record(self, experience: Experience) -> None:
        """Say with each advice what it has come to so far (`RecordedTeacher`)."""
        self.teacher = RecordedTeacher.around(self.teacher, experience)
        self.adviser.use(self.teacher)

    def watch_student(self, student: Any) -> None:
        """Let conditions look at this student from now on (`StudentUncertain`)."""
        self.adviser.watch(student)

    def teacher_metrics(self) -> tuple[str, dict[str, float]]:
        """Identity of the teacher (shared teachers have the same) and its running totals."""
        asked = self.teacher
        while isinstance(asked, RecordedTeacher):  # each wrapper has its own around a shared one
            asked = asked.teacher
        return f"{os.getpid()}-{id(asked)}", self.adviser.metrics()

    def close(self) -> None:
        """Close the env and give up open questions."""
        self.adviser.close()
        super().close()
