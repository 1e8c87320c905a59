"""The wrapper that puts the teacher's prior into ``info``."""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.core import ActType, ObsType
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from gym_llmteacher.advice import Advice
from gym_llmteacher.advising.asker import Asker, saved_questions
from gym_llmteacher.advising.conditions import Condition
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.prior import check_smoothing, prior_from, uniform_prior
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher
from gym_llmteacher.wrappers.grounding import GroundingWrapper


class LLMTeacherWrapper(GroundingWrapper[ObsType, ActType]):
    """Ask a teacher about every observation and put its action prior into ``info``.

    ``info["teacher_prior"]``: float32 ``(n_actions,)``, sums to 1, a fresh array each step.
    ``info["teacher_weight"]``: float in [0, 1]; 0 means the teacher abstained and the prior is a
    uniform placeholder. Both describe the observation returned with them, and depend on nothing but
    the situation. Observations, rewards and actions pass through unchanged: the student acts.

    With MultiDiscrete actions and a `MultiDiscreteGrounding`, each factor is asked about by itself:
    ``teacher_prior`` is the factors' priors one after the other, float32 ``(sum(nvec),)``, and
    ``teacher_weight`` float32 ``(n_factors,)``.

    :param env: env with a Discrete or MultiDiscrete action space
    :param teacher: ``None``: the embedded language model, which needs no key and no network; a
        litellm model name (``"ollama_chat/qwen3"``, ``"openai/gpt-4o-mini"``); a dict of it with
        litellm's own arguments (``{"model": "openai/my-model", "api_base": "http://..."}``); a dict
        ``{"script": "door_key_planner"}``; or any `Teacher`
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param smoothing: support floor, ``prior = (1 - smoothing) * prior + smoothing / n_actions``: advice
        is never a hard mask
    :param answers: file that keeps what a language model answered (default: in the user's cache
        folder, or ``$GYM_LLMTEACHER_ANSWERS``); ignored for other teachers
    :param elicitation: how a language model is asked: ``"subgoal"``, ``"samples"`` or ``"logprobs"``
        (``None`` chooses by model); ignored for other teachers
    :param ask: when to ask, such as ``AtReset() | NewText()`` (`gym_llmteacher.advising.conditions`);
        ``None``: about every observation. What is known already is used in any case; where nothing
        is asked, the last advice of the episode stands
    :raises GroundingError: no grounding knows the env, its actions are neither Discrete nor
        MultiDiscrete, or names and actions disagree
    :raises ModelUnavailableError: unknown model, missing key, missing weights
    :raises AnswersFileError: the answers file is corrupt or is not one
    :raises PriorError: ``smoothing`` outside [0, 1)

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

    _takes_factors = True

    def __init__(
        self,
        env: gym.Env[ObsType, ActType],
        teacher: TeacherSpec = None,
        grounding: Grounding | None = None,
        smoothing: float = 0.02,
        answers: str | os.PathLike[str] | None = None,
        elicitation: str | None = None,
        ask: Condition | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(
            self,
            teacher=teacher,
            grounding=grounding,
            smoothing=smoothing,
            answers=answers,
            elicitation=elicitation,
            ask=ask,
        )
        gym.Wrapper.__init__(self, env)
        check_smoothing(smoothing)
        self.teacher: Teacher = make_teacher(teacher, answers=answers, elicitation=elicitation)
        # A teacher may bring its own way to look at the env.
        self._ground(grounding or self.teacher.grounding_for(env))
        self.smoothing = float(smoothing)
        self.ask = ask
        self._askers = None if ask is None else [Asker(ask, self.teacher) for _ in self.sizes]
        self.teacher.probe()
        self.situation: Situation | None = None  # of the first factor
        self.advice: Advice | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the env and advise on the first observation."""
        for asker in self._askers or ():
            asker.reset()
        return super().reset(seed=seed, options=options)

    def _entries(self, obs: ObsType, asking: bool) -> dict[str, Any]:
        rows = self._ask(obs) if asking else [(uniform_prior(n), 0.0) for n in self.sizes]
        if len(rows) == 1:
            ((prior, weight),) = rows
            return {"teacher_prior": prior, "teacher_weight": weight}
        return {
            "teacher_prior": np.concatenate([prior for prior, _ in rows]),
            "teacher_weight": np.array([weight for _, weight in rows], dtype=np.float32),
        }

    def _ask(self, obs: ObsType) -> list[tuple[NDArray[np.float32], float]]:
        """Prior and weight of each factor."""
        situations = self._describe(obs)
        if self._askers is None:
            advices = self.teacher.advise(situations)
        else:
            pairs = zip(self._askers, situations, strict=True)
            advices = [self._settle(asker, situation, obs) for asker, situation in pairs]
        self.situation, self.advice = situations[0], advices[0]
        return [
            prior_from(advice, situation, self.smoothing)
            for advice, situation in zip(advices, situations, strict=True)
        ]

    def _settle(self, asker: Asker, situation: Situation, obs: ObsType) -> Advice:
        known = self.teacher.lookup(situation)
        if asker.asks(situation, obs, known=known is not None):
            (known,) = self.teacher.advise([situation])
        return asker.settled(known, situation)

    def teacher_metrics(self) -> tuple[str, dict[str, float]]:
        """Identity of the teacher (shared teachers have the same) and its running totals."""
        totals = {**self.teacher.metrics(), **saved_questions(self.ask)}
        return f"{os.getpid()}-{id(self.teacher)}", totals
