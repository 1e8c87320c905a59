"""`TeacherPPOConfig`: RLlib's ``PPOConfig`` with a teacher."""

from __future__ import annotations

import os
from typing import Any

from ray.rllib.algorithms.algorithm_config import NotProvided
from ray.rllib.algorithms.ppo import PPOConfig

from gym_llmteacher.advising.conditions import Condition, StudentUncertain
from gym_llmteacher.advising.named import condition_of
from gym_llmteacher.errors import ConditionError, ScheduleError, StudentError, TeacherSpecError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.learning.coef import CoefSpec, coef_schedule
from gym_llmteacher.learning.divergences import DivergenceSpec, as_divergence
from gym_llmteacher.learning.schedules import CoefSchedule
from gym_llmteacher.practice.practised import PractisedTeacher
from gym_llmteacher.rllib.connector import AddTeacherPriors
from gym_llmteacher.rllib.keys import check_no_keys
from gym_llmteacher.teachers.make import TeacherSpec


class TeacherPPOConfig(PPOConfig):
    """``PPOConfig``, with two arguments more in `training` and a method more, `teacher`.

    Example::

        from gym_llmteacher.rllib import TaughtEnv, TeacherPPOConfig

        config = (
            TeacherPPOConfig()
            .environment(TaughtEnv, env_config={"env": "LLMTeacher/SimpleDoorKey-v0"})
            .teacher()                                     # the embedded model, in an actor
            .training(teacher_coef={"shape": "linear", "start": 1.0, "steps": 50_000})
            .env_runners(num_env_runners=2)
        )
        algo = config.build()
        algo.train()["learners"]["default_policy"]["teacher_kl"]

    Change log: 0.1.0 - added.
    """

    def __init__(self, algo_class: Any = None) -> None:
        from gym_llmteacher.rllib.algorithm import TeacherPPO
        from gym_llmteacher.rllib.runner import TeacherEnvRunner

        super().__init__(algo_class=algo_class or TeacherPPO)
        self.teacher_coef: CoefSpec | None = None
        self.teacher_divergence: DivergenceSpec = "cross_entropy"
        self.teacher_service: dict[str, Any] | None = None
        self.teacher_actor = ""
        self.env_runner_cls = TeacherEnvRunner
        # RLlib's 60 s end an iteration without samples, with a warning at most: slow teachers.
        self.sample_timeout_s = None

    def training(
        self, *, teacher_coef: Any = NotProvided, teacher_divergence: Any = NotProvided,
        **kwargs: Any,
    ) -> TeacherPPOConfig:  # fmt: skip
        """As of ``PPOConfig``, and how to learn from the teacher.

        :param teacher_coef: λ: a number, a dict such as ``{"shape": "linear", "start": 1.0,
            "steps": 100_000}``, or a schedule; in env steps of all runners together. There is no
            default: RLlib knows no total number of steps
        :param teacher_divergence: ``"cross_entropy"``, ``"forward_kl"``, ``"reverse_kl"``, or a
            `Divergence`
        :param kwargs: RLlib's own
        :raises StudentError: an argument of the SB3 students that has no counterpart here
        """
        unsupported = sorted(name for name in kwargs if name.startswith("teacher_"))
        if unsupported:
            raise StudentError(
                f"{', '.join(unsupported)}: not supported on RLlib, expected teacher_coef and "
                "teacher_divergence alone. Gates, replayed advice and judged teachers belong to "
                "the students of Stable-Baselines3 (gym_llmteacher.TeacherPPO)."
            )
        super().training(**kwargs)
        if teacher_coef is not NotProvided:
            self.teacher_coef = teacher_coef
        if teacher_divergence is not NotProvided:
            self.teacher_divergence = teacher_divergence
        return self

    def teacher(
        self,
        spec: TeacherSpec = None,
        *,
        workers: int = 16,
        late_timeout: float = 5.0,
        ask: Condition | str | None = None,
        smoothing: float = 0.02,
        answers: str | os.PathLike[str] | None = None,
        elicitation: Any = None,
        experience: Experience | dict[str, Any] | str | os.PathLike[str] | None = None,
        num_cpus: float = 0,
    ) -> TeacherPPOConfig:
        """Have one teacher, in an actor, answer for the envs of all runners.

        Leave it out where the envs put priors into ``info`` by themselves.

        :param spec: who teaches, as for `LLMTeacherWrapper`; a `PractisedTeacher` (`practise`)
            advises in the light of its experience; a `RayTeacher` is one that runs already, for
            several trainings. No keys: those belong into the environment
        :param workers: questions open at once, of all runners together, while stepping goes on;
            0: each runner waits for every answer
        :param late_timeout: seconds that a runner waits, at the end of a sample, for late answers
        :param ask: when to ask, such as ``NewText() & BudgetLeft(0.1)``
        :param smoothing: support floor of the priors
        :param answers: answers file or Redis server, for language models; on several machines, the
            file is that of the actor's machine
        :param elicitation: how a language model is asked
        :param experience: of a practice, or the file of it
        :param num_cpus: that Ray sets aside for the actor
        :raises ExperienceError: no experience in that file
        """
        if isinstance(spec, PractisedTeacher):
            experience = spec.experience if experience is None else experience
            spec = spec.teacher
        if isinstance(experience, (str, os.PathLike)):
            experience = Experience.load(experience)
        if isinstance(experience, Experience):
            experience = experience.as_dict()
        self.teacher_service = {
            "spec": spec, "workers": workers, "late_timeout": late_timeout, "ask": ask,
            "smoothing": smoothing, "answers": None if answers is None else os.fspath(answers),
            "elicitation": elicitation, "experience": experience, "num_cpus": num_cpus,
        }  # fmt: skip
        return self

    def validate(self) -> None:
        """Check all that can be known before anything starts; RLlib calls it at build.

        :raises ScheduleError: no ``teacher_coef``, or one that cannot be
        :raises StudentError: an unknown divergence; several agents
        :raises ConditionError: ``ask`` is no condition, or one that would have to see the student
        :raises TeacherSpecError: a key where a checkpoint would take it along; numbers that cannot
            be
        """
        super().validate()
        if self.teacher_coef is None:
            raise ScheduleError(
                "teacher_coef is not set, and there is no default: RLlib knows no total number of "
                "env steps. Write .training(teacher_coef={'shape': 'linear', 'start': 1.0, "
                "'steps': 100_000}), for example."
            )
        schedule = coef_schedule(self.teacher_coef)
        if type(schedule).observe is not CoefSchedule.observe:
            raise ScheduleError(
                f"teacher_coef is {type(schedule).__name__}, which follows the student's progress; "
                "expected a schedule of env steps alone: runners and learners in several processes "
                "could not agree on it. Use LLM4Teach, Linear, Exponential or Constant."
            )
        as_divergence(self.teacher_divergence)
        if self.is_multi_agent:
            raise StudentError(
                "the config has several policies or agents, expected one: a prior is about the one "
                "action of an env step."
            )
        if not (self.enable_rl_module_and_learner and self.enable_env_runner_and_connector_v2):
            raise StudentError(
                "api_stack(...) chooses RLlib's old API stack, expected the new one: leave it out."
            )
        check_no_keys("env_config", dict(self.env_config))
        if self.teacher_service is not None:
            _check_service(self.teacher_service)

    def build_learner_connector(self, *args: Any, **kwargs: Any) -> Any:
        """RLlib's pipeline, with the priors in front.

        ``PPOLearner.build`` then puts `AddOneTsToEpisodesAndTruncate` in front of all.
        """
        pipeline = super().build_learner_connector(*args, **kwargs)
        pipeline.prepend(AddTeacherPriors())
        return pipeline

    def get_default_learner_class(self) -> Any:
        """PPO's, with the teacher's loss."""
        from gym_llmteacher.rllib.learner import TeacherPPOTorchLearner

        return TeacherPPOTorchLearner


def _check_service(service: dict[str, Any]) -> None:
    """Check what `TeacherPPOConfig.teacher` was given."""
    check_no_keys("the teacher", service)
    if service["workers"] < 0 or service["late_timeout"] < 0 or service["num_cpus"] < 0:
        raise TeacherSpecError(
            f"workers is {service['workers']!r}, late_timeout {service['late_timeout']!r} and "
            f"num_cpus {service['num_cpus']!r}; expected no negative numbers."
        )
    ask = condition_of(service["ask"])
    if ask is not None and any(isinstance(part, StudentUncertain) for part in ask.parts()):
        raise ConditionError(
            "ask has StudentUncertain in it, which would have to see the student at every step; "
            "on RLlib the student is elsewhere. Expected conditions on the situation, the step or "
            "the budget, such as NewText() & BudgetLeft(0.1)."
        )
