"""One teacher for all envs of a VecEnv, whose answers may come late."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from typing import Any

from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from gym_llmteacher.advice import Advice
from gym_llmteacher.advising.asker import Asker, saved_questions
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.advising.conditions import Condition
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.prior import check_smoothing, prior_from, uniform_prior
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher
from gym_llmteacher.teachers.process import ProcessTeacher


class VecTeacher(VecEnvWrapper):
    """Ask one teacher, in this process, about the situations of all envs.

    The envs only describe (`GroundingWrapper`); equal texts are asked once; questions are asked in
    the background, ``workers`` at once, while stepping goes on. Where the answer is known, ``info``
    has its prior as with `LLMTeacherWrapper`. Where it is not, the weight is 0 for now and
    ``info["teacher_pending"]`` has the situation: `TeacherPPO` fills it in before the update, after
    waiting for at most ``late_timeout`` seconds per rollout. What is later still abstains, and is in
    the answers file for next time. A slow teacher never slows the envs.

    One cache, one budget and one set of totals for `DummyVecEnv` and `SubprocVecEnv` alike.

    :param venv: envs wrapped in `GroundingWrapper`
    :param teacher: as for `LLMTeacherWrapper`
    :param smoothing: support floor
    :param answers: answers file, as for `LLMTeacherWrapper`
    :param elicitation: as for `LLMTeacherWrapper`
    :param workers: questions open at once
    :param late_timeout: seconds to wait for late answers before each update
    :param ask: when to ask, as for `LLMTeacherWrapper`
    :param process: ask from a process of its own (`ProcessTeacher`): for thousands of questions, each
        of which would take this process some ten milliseconds
    :raises GroundingError: the envs do not describe their situations
    :raises ModelUnavailableError: unknown model, missing key, missing weights

    Example::

        >>> from stable_baselines3.common.env_util import make_vec_env
        >>> from gym_llmteacher import GroundingWrapper, VecTeacher
        >>> envs = make_vec_env("LLMTeacher/SimpleDoorKey-v0", 2, wrapper_class=GroundingWrapper)
        >>> venv = VecTeacher(envs, teacher={"script": "door_key_planner"})
        >>> venv.reset().shape
        (2, 10, 10, 4)
        >>> venv.close()

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        venv: VecEnv,
        teacher: TeacherSpec = None,
        smoothing: float = 0.02,
        answers: str | os.PathLike[str] | None = None,
        elicitation: str | None = None,
        workers: int = 16,
        late_timeout: float = 5.0,
        ask: Condition | None = None,
        process: bool = False,
    ) -> None:
        super().__init__(venv)
        check_smoothing(smoothing)
        if not venv.has_attr("grounding"):
            raise GroundingError(
                "the envs do not describe their situations. Wrap them before they are vectorised: "
                "make_vec_env(..., wrapper_class=GroundingWrapper)."
            )
        if workers < 1 or late_timeout < 0:
            raise GroundingError(
                f"workers={workers} and late_timeout={late_timeout}; expected at least one worker and no "
                "negative number of seconds."
            )
        self.teacher = make_teacher(teacher, answers=answers, elicitation=elicitation)
        if process:
            self.teacher = ProcessTeacher(self.teacher, workers)
        self.teacher.probe()
        self.smoothing = float(smoothing)
        self.late_timeout = float(late_timeout)
        self.advisor = BackgroundAdvisor(self.teacher, workers)
        self._n_actions = int(venv.action_space.n)  # type: ignore[attr-defined]
        self._late = self._came_late = 0
        self.ask = ask
        self._askers = (
            None if ask is None else [Asker(ask, self.teacher) for _ in range(venv.num_envs)]
        )

    def __getstate__(self) -> dict[str, Any]:
        # SB3's table of the class's members holds things that cannot be pickled.
        return {k: v for k, v in vars(self).items() if k != "class_attributes"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.class_attributes = dict(inspect.getmembers(type(self)))

    def reset(self) -> VecEnvObs:
        """Reset all envs; their priors are in ``unwrapped.reset_infos``."""
        obs = self.venv.reset()
        for i, info in enumerate(self.venv.unwrapped.reset_infos):
            self._teach(i, info, obs, starts=True)
        return obs

    def step_wait(self) -> VecEnvStepReturn:
        """Step, and look up or ask what the new situations need."""
        obs, rewards, dones, infos = self.venv.step_wait()
        for i, info in enumerate(infos):
            self._teach(i, info, obs)
        for i in dones.nonzero()[0].tolist():
            self._teach(i, self.venv.unwrapped.reset_infos[i], obs, starts=True)
        return obs, rewards, dones, infos

    def _teach(self, i: int, info: dict[str, Any], obs: VecEnvObs, starts: bool = False) -> None:
        situation = info.pop("teacher_situation", None)
        if situation is None:
            info.setdefault("teacher_prior", uniform_prior(self._n_actions))
            info.setdefault("teacher_weight", 0.0)
            return
        advice = self._advice(i, situation, obs, starts)
        if advice is None:
            self._late += 1
            info["teacher_prior"], info["teacher_weight"] = uniform_prior(self._n_actions), 0.0
            info["teacher_pending"] = situation
        else:
            prior, weight = prior_from(advice, situation, self.smoothing)
            info["teacher_prior"], info["teacher_weight"] = prior, weight

    def _advice(self, i: int, situation: Situation, obs: VecEnvObs, starts: bool) -> Advice | None:
        """Advice, or ``None`` where it has been asked for and is not there yet."""
        if self._askers is None:
            return self.advisor.advice(situation)
        asker = self._askers[i]
        if starts:
            asker.reset()
        advice = self.advisor.lookup(situation)
        waiting = advice is None and self.advisor.is_asked(situation)
        if asker.asks(situation, _of_env(obs, i), known=waiting or advice is not None):
            advice = self.advisor.advice(situation)
            waiting = advice is None
        return None if waiting else asker.settled(advice, situation)

    def late_priors(
        self, pending: Mapping[Any, Situation], late_timeout: float | None = None
    ) -> Iterable[tuple[Any, Any, float]]:
        """Wait for late answers.

        :param pending: situations by any key
        :param late_timeout: seconds in all; ``None``: those of the constructor
        :return: ``(key, prior, weight)`` of those that have arrived
        """
        first = {situation.text: situation for situation in pending.values()}
        self.advisor.wait(
            first.values(), self.late_timeout if late_timeout is None else late_timeout
        )
        advices = {text: self.advisor.advice(situation) for text, situation in first.items()}
        for key, situation in pending.items():
            advice = advices[situation.text]
            if advice is not None:
                self._came_late += 1
                yield key, *prior_from(advice, situation, self.smoothing)

    def set_teaching(self, on: bool) -> None:
        """Stop or resume describing and asking, in all envs."""
        self.venv.env_method("set_teaching", on)

    def teacher_metrics(self) -> dict[str, float]:
        """Totals of the teacher, and of late answers.

        ``late``: steps whose answer was not there at once; ``came_late``: those of them whose
        answer was there in time for the update.
        """
        own = {"late": self._late, "came_late": self._came_late, **saved_questions(self.ask)}
        return {**self.teacher.metrics(), **own}

    def close(self) -> None:
        """Close envs and give up open questions."""
        self.advisor.close()
        if isinstance(self.teacher, ProcessTeacher):
            self.teacher.close()
        self.venv.close()


def _of_env(obs: VecEnvObs, i: int) -> Any:
    if isinstance(obs, dict):
        return {key: value[i] for key, value in obs.items()}
    return tuple(value[i] for value in obs) if isinstance(obs, tuple) else obs[i]
