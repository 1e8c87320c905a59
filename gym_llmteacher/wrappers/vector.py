"""One teacher for all envs of a Gymnasium vector env."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.prior import check_smoothing, prior_from, uniform_prior
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher

K = TypeVar("K")


class VectorTeacher(VectorWrapper[Any, Any, Any]):
    """What `VecTeacher` is for SB3: ask one teacher, in the background, about all envs.

    The envs only describe (`GroundingWrapper`). ``infos["teacher_prior"]``: float32
    ``(num_envs, n_actions)``; ``infos["teacher_weight"]``: float32 ``(num_envs,)``, 0 where the
    answer has not arrived, the teacher abstains, or there is nothing to be asked. Both describe the
    observations returned with them, in every autoreset mode. ``infos["teacher_pending"]``: by env,
    the situations whose answers are on their way, for `late_priors` before an update.

    :param env: vector env of envs in `GroundingWrapper`
    :param teacher: as for `LLMTeacherWrapper`
    :param smoothing: support floor
    :param answers: answers file, as for `LLMTeacherWrapper`
    :param elicitation: as for `LLMTeacherWrapper`
    :param workers: questions open at once
    :param late_timeout: seconds that `late_priors` waits
    :raises GroundingError: the actions are not Discrete; (at ``reset``) the envs do not describe
    :raises ModelUnavailableError: unknown model, missing key, missing weights

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import GroundingWrapper, VectorTeacher
        >>> envs = gym.make_vec("LLMTeacher/SimpleDoorKey-v0", 2, wrappers=[GroundingWrapper])
        >>> envs = VectorTeacher(envs, teacher={"script": "door_key_planner"}, late_timeout=10.0)
        >>> _, infos = envs.reset(seed=0)
        >>> infos["teacher_prior"].shape
        (2, 7)
        >>> envs.close()

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        teacher: TeacherSpec = None,
        smoothing: float = 0.02,
        answers: str | os.PathLike[str] | None = None,
        elicitation: str | None = None,
        workers: int = 16,
        late_timeout: float = 5.0,
    ) -> None:
        super().__init__(env)
        check_smoothing(smoothing)
        space = env.single_action_space
        if not isinstance(space, Discrete):
            raise GroundingError(f"the action space of one env is {space}, expected Discrete.")
        self.teacher = make_teacher(teacher, answers=answers, elicitation=elicitation)
        self.teacher.probe()
        self.smoothing, self.late_timeout = float(smoothing), float(late_timeout)
        self.advisor = BackgroundAdvisor(self.teacher, workers)
        self._n_actions = int(space.n)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all envs; see the class for what is added to the infos."""
        obs, infos = super().reset(seed=seed, options=options)
        if "teacher_situation" not in infos:
            raise GroundingError(
                "the envs do not describe their situations. Wrap each of them: "
                "gym.make_vec(..., wrappers=[GroundingWrapper])."
            )
        return obs, self._taught(infos)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all envs; see the class for what is added to the infos."""
        obs, rewards, terminations, truncations, infos = self.env.step(actions)
        return obs, rewards, terminations, truncations, self._taught(infos)

    def _taught(self, infos: dict[str, Any]) -> dict[str, Any]:
        situations = infos.get("teacher_situation", np.full(self.num_envs, None))
        kept = {k: v for k, v in infos.items() if k.lstrip("_") != "teacher_situation"}
        prior = np.tile(uniform_prior(self._n_actions), (self.num_envs, 1))
        weight = np.zeros(self.num_envs, dtype=np.float32)
        pending: dict[int, Situation] = {}
        for i, situation in enumerate(situations):
            advice = None if situation is None else self.advisor.advice(situation)
            if advice is not None:
                prior[i], weight[i] = prior_from(advice, situation, self.smoothing)
            elif situation is not None:
                pending[i] = situation
        own = {"teacher_prior": prior, "teacher_weight": weight, "teacher_pending": pending}
        return {**kept, **own}

    def late_priors(
        self, pending: Mapping[K, Situation]
    ) -> dict[K, tuple[NDArray[np.float32], float]]:
        """Wait for late answers, at most ``late_timeout`` seconds in all.

        :param pending: situations by any key, for example ``(step, env)``
        :return: prior and weight by key, of those that have arrived
        """
        self.advisor.wait({s.text: s for s in pending.values()}.values(), self.late_timeout)
        advices = {key: self.advisor.advice(situation) for key, situation in pending.items()}
        return {
            key: prior_from(advice, pending[key], self.smoothing)
            for key, advice in advices.items()
            if advice is not None
        }

    def teacher_metrics(self) -> dict[str, float]:
        """Totals of the teacher."""
        return self.teacher.metrics()

    def close(self, **kwargs: Any) -> None:
        """Close envs and give up open questions."""
        self.advisor.close()
        super().close(**kwargs)
