"""Env runners that put the teacher's priors into infos, late answers included.

A runner begins silent and asks from when it is told to: one that was restarted asks nobody before
the algorithm has spoken. Runners for evaluation are never told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ray.rllib.env.env_runner import ENV_STEP_FAILURE
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.advising.adviser import Adviser
from gym_llmteacher.advising.observations import of_env
from gym_llmteacher.errors import GroundingError, TeacherSpecError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.practice.practised import PractisedTeacher
from gym_llmteacher.rllib.ray_teacher import RayTeacher
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.totals import added


class TeacherEnvRunner(SingleAgentEnvRunner):
    """`SingleAgentEnvRunner` with a teacher beside its envs.

    Envs that describe (`GroundingWrapper`, `TaughtEnv`) are asked about, one `Adviser` for all envs
    of the runner. Envs that put priors into ``info`` by themselves are left to do so.
    """

    # `make_env` runs inside RLlib's constructor.
    adviser: Adviser | None = None
    teaching = False
    _reported: dict[str, float] = {}

    def make_env(self) -> None:
        """Make the envs, and who is asked about them.

        :raises GroundingError: actions that cannot be taught, or envs that do not describe
        :raises TeacherSpecError: nobody teaches, or two do
        """
        super().make_env()
        if self.adviser is not None:
            self.adviser.close()
            self.adviser = None
        self._over = np.zeros(self.num_envs, dtype=np.bool_)
        if not self.config.in_evaluation:
            self._check_env()
            if self.config.teacher_service is not None:
                self.adviser = self._make_adviser(self.config.teacher_service)
        self.set_teaching(False)

    def _check_env(self) -> None:
        sizes = action_sizes(self.env.single_action_space)
        if not sizes:
            raise GroundingError(
                f"the action space is {self.env.single_action_space}, expected Discrete or "
                "MultiDiscrete: a teacher's prior is a distribution over named actions."
            )
        served = self.config.teacher_service is not None
        if served and self._has("puts_priors"):
            raise TeacherSpecError(
                "config.teacher(...) names a teacher, and the env has one in itself "
                "(LLMTeacherWrapper). Use GroundingWrapper or TaughtEnv for the env, or leave "
                "config.teacher(...) out."
            )
        if served and not self._has("set_teaching"):
            raise GroundingError(
                "config.teacher(...) names a teacher, but the env does not describe itself. Use "
                "config.environment(TaughtEnv, env_config={'env': ...}), or wrap it in "
                "GroundingWrapper."
            )
        if not served and self._has("set_teaching") and not self._has("puts_priors"):
            raise TeacherSpecError(
                "the env describes itself, but nobody teaches. Name a teacher: "
                "config.teacher('openai/gpt-4o-mini'), or config.teacher() for the embedded model."
            )

    def _has(self, name: str) -> bool:
        """Whether all envs have a wrapper with this attribute."""
        call = getattr(self.env.unwrapped, "call", None)
        return call is not None and all(call("has_wrapper_attr", name))

    def _make_adviser(self, service: dict[str, Any]) -> Adviser:
        teacher: Teacher = RayTeacher(self.config.teacher_actor)
        if service["experience"] is not None:
            # Here and not over there: what is best depends on what the options do now.
            experience = Experience.from_dict(service["experience"])
            teacher = PractisedTeacher.around(teacher, experience)
        return Adviser(
            teacher, action_sizes(self.env.single_action_space), self.num_envs,
            ask=service["ask"], smoothing=service["smoothing"], workers=service["workers"],
            late_timeout=service["late_timeout"],
        )  # fmt: skip

    def set_teaching(self, on: bool) -> None:
        """Stop or resume describing and asking, in all envs; in evaluation, nobody is asked."""
        self.teaching = bool(on) and not self.config.in_evaluation
        if self.env is not None and self._has("set_teaching"):
            self.env.unwrapped.call("set_teaching", self.teaching)

    def stop(self) -> None:
        """Close the envs, and give up open questions."""
        if self.adviser is not None:
            self.adviser.close()
        super().stop()

    # -- priors beside observations -------------------------------------------------------------

    def _try_env_reset(self, **kwargs: Any) -> Any:
        observations, infos = super()._try_env_reset(**kwargs)
        self._over = np.zeros(self.num_envs, dtype=np.bool_)
        self._advise(observations, infos, np.ones(self.num_envs, dtype=np.bool_))
        return observations, infos

    def _try_env_step(self, actions: Any) -> Any:
        results = super()._try_env_step(actions)
        if isinstance(results, str) and results == ENV_STEP_FAILURE:
            return results
        observations, rewards, terminateds, truncateds, infos = results
        started, over = self._over, np.logical_or(terminateds, truncateds)
        if self.adviser is not None:
            for i in np.flatnonzero(~started).tolist():
                self.adviser.hear(float(rewards[i]), bool(over[i]), i)
        # Gymnasium's envs are reset in the step after their last.
        self._advise(observations, infos, started)
        self._over = over
        return results

    def _advise(self, observations: Any, infos: list[dict[str, Any]], started: Any) -> None:
        """Replace what the envs describe by what is advised."""
        if self.adviser is None:
            return
        for i, info in enumerate(infos):
            if started[i]:
                self.adviser.start(i)
            here = info.pop("teacher_situation", None)
            if here is None:
                taught = self.adviser.silent(i)
            else:
                situations = here if isinstance(here, tuple) else (here,)
                taught = self.adviser.advise(situations, of_env(observations, i), i)
            info.update(taught.info())

    # -- late answers ---------------------------------------------------------------------------

    def sample(self, **kwargs: Any) -> Any:
        """Sample as RLlib does; then wait for late answers, a while."""
        episodes = super().sample(**kwargs)
        if self.adviser is not None:
            self._fill_in(episodes)
        if not self.config.in_evaluation:
            self._report()
        return episodes

    def _fill_in(self, episodes: list[Any]) -> None:
        assert self.adviser is not None
        infos = [info for episode in episodes for info in episode.infos.data]
        # The last info of a chunk is the first of the next one, the same object.
        waiting = {id(info): info for info in infos if "teacher_pending" in info}
        pending = {key: info["teacher_pending"] for key, info in waiting.items()}
        for key, prior, weight in list(self.adviser.late(pending)) if pending else ():
            waiting[key].update(teacher_prior=prior, teacher_weight=weight)
            if not any(map(self._is_asked, pending[key].situations)):
                del waiting[key]["teacher_pending"]
        for episode in episodes:
            data = episode.infos.data
            for info in data[:-1]:
                info.pop("teacher_pending", None)
            if "teacher_pending" in data[-1]:  # the next chunk still waits for it
                data[-1] = {k: v for k, v in data[-1].items() if k != "teacher_pending"}

    def _is_asked(self, here: Situation) -> bool:
        background = None if self.adviser is None else self.adviser.background
        return background is not None and background.is_asked(here)

    # -- metrics --------------------------------------------------------------------------------

    def teacher_metrics(self) -> dict[str, float]:
        """Totals of this runner: of its asking, or of the teachers inside its envs."""
        if self.adviser is not None:
            return self.adviser.metrics()
        if self.env is None or not self._has("puts_priors"):
            return {}
        return added(*dict(self.env.unwrapped.call("teacher_metrics")).values())

    def _report(self) -> None:
        totals = self.teacher_metrics()
        for name, total in totals.items():
            new = total - self._reported.get(name, 0.0)
            self.metrics.log_value(("teacher", name), new, reduce="lifetime_sum")
        self._reported = totals
