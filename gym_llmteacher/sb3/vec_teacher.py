"""One teacher for all envs of a VecEnv, whose answers may come late."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.advising.adviser import Adviser, K, Weight
from gym_llmteacher.advising.conditions import Condition
from gym_llmteacher.advising.observations import of_env
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.practice.practised import PractisedTeacher
from gym_llmteacher.practice.recorded import RecordedTeacher
from gym_llmteacher.prior import Pending
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher
from gym_llmteacher.teachers.process import ProcessTeacher


class VecTeacher(VecEnvWrapper):
    """Ask one teacher, in this process, about the situations of all envs.

    The envs only describe (`GroundingWrapper`); equal situations are asked about once; questions
    are asked in the background, ``workers`` at once, while stepping goes on. Where the answer is
    known, ``info`` has its prior as with `LLMTeacherWrapper`. Where it is not, the weight is 0 for
    now and ``info["teacher_pending"]`` has the situation: `TeacherPPO` fills it in before the
    update, after waiting for at most ``late_timeout`` seconds per rollout. What is later still
    abstains, and is in the answers file for next time. A slow teacher never slows the envs.

    One cache, one budget and one set of totals for `DummyVecEnv` and `SubprocVecEnv` alike.

    :param venv: envs wrapped in `GroundingWrapper`
    :param teacher: as for `LLMTeacherWrapper`, and so are the arguments that are not named here
    :param workers: questions open at once; 0: every answer is waited for
    :param late_timeout: seconds to wait for late answers before each update
    :param process: ask from a process of its own (`ProcessTeacher`): for thousands of questions,
        each of which would take this process some ten milliseconds
    :raises GroundingError: the envs do not describe their situations, or have a teacher already
    :raises TeacherSpecError: a negative number of workers or seconds
    :raises ModelUnavailableError: unknown model, missing key, missing weights

    Example::

        >>> from stable_baselines3.common.env_util import make_vec_env
        >>> from gym_llmteacher import GroundingWrapper, VecTeacher
        >>> envs = make_vec_env("LLMTeacher/SimpleDoorKey-v0", 2, wrapper_class=GroundingWrapper)
        >>> venv = VecTeacher(envs, teacher="script:door_key_planner")
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
        ask: Condition | str | None = None,
        process: bool = False,
    ) -> None:
        super().__init__(venv)
        if not venv.has_attr("grounding"):
            raise GroundingError(
                "the envs do not describe their situations. Wrap them before they are vectorised: "
                "make_vec_env(..., wrapper_class=GroundingWrapper)."
            )
        if venv.has_attr("puts_priors"):
            raise GroundingError(
                "the envs have a teacher already (LLMTeacherWrapper), so this one would never be "
                "asked. Cure: make_vec_env(..., wrapper_class=GroundingWrapper), or no VecTeacher."
            )
        self.teacher = make_teacher(teacher, answers=answers, elicitation=elicitation)
        if process:
            self.teacher = ProcessTeacher(self.teacher, max(1, workers))
        self.adviser = Adviser(
            self.teacher, action_sizes(venv.action_space), venv.num_envs, ask=ask,
            smoothing=smoothing, workers=workers, late_timeout=late_timeout, owns_teacher=process,
        )  # fmt: skip
        self._hears = ask is not None

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
            if self._hears:
                self.adviser.hear(rewards[i], dones[i], i)
            self._teach(i, info, obs)
        for i in dones.nonzero()[0].tolist():
            self._teach(i, self.venv.unwrapped.reset_infos[i], obs, starts=True)
        return obs, rewards, dones, infos

    def _teach(self, i: int, info: dict[str, Any], obs: VecEnvObs, starts: bool = False) -> None:
        described = info.pop("teacher_situation", None)
        if starts:
            self.adviser.start(i)
        if described is not None:
            situations = described if isinstance(described, tuple) else (described,)
            info.update(self.adviser.advise(situations, of_env(obs, i), i).info())
        elif "teacher_prior" not in info:
            info.update(self.adviser.silent(i).info())

    def said(self, env: int) -> Pending:
        """The situations that describe the present observation of an env, and what is advised."""
        return self.adviser.said[env]

    def late_priors(
        self, pending: Mapping[K, Pending], timeout: float | None = None
    ) -> list[tuple[K, NDArray[Any], Weight]]:
        """Wait for late answers.

        :param pending: what ``info["teacher_pending"]`` had, by any key
        :param timeout: seconds in all; ``None``: ``late_timeout``
        :return: ``(key, prior, weight)`` of those that have arrived
        """
        return list(self.adviser.late(pending, timeout))

    def goal_priors(
        self, states: Sequence[Any], goals: Sequence[NDArray[Any]]
    ) -> list[tuple[NDArray[np.float32], float] | None]:
        """Prior and weight for other goals (`MissionGoals`); ``None`` if not known yet."""
        (found,) = self.venv.env_method("situations", states, goals, indices=[0])
        return [self.adviser.elsewhere(here) for here in found]

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

    def set_teaching(self, every: int) -> None:
        """Stop or resume describing and asking, in all envs; see `LLMTeacherWrapper`."""
        self.venv.env_method("set_teaching", every)

    def teacher_metrics(self) -> dict[str, float]:
        """Totals of the teacher, and of the asking (`Adviser.metrics`)."""
        return self.adviser.metrics()

    def close(self) -> None:
        """Close envs and give up open questions."""
        self.adviser.close()
        self.venv.close()
