"""One teacher for all envs of a Gymnasium vector env."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.advising.adviser import Adviser, Taught, Weight
from gym_llmteacher.advising.conditions import Condition
from gym_llmteacher.advising.observations import of_env
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.prior import Pending
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher
from gym_llmteacher.teachers.process import ProcessTeacher

if TYPE_CHECKING:
    _VectorWrapper = VectorWrapper[Any, Any, Any]
else:
    _VectorWrapper = VectorWrapper  # no generic class before Gymnasium 1.3


class VectorTeacher(_VectorWrapper):
    """What `VecTeacher` is for SB3: ask one teacher, in the background, about all envs.

    SB3's vector envs are ``VecEnv``, Gymnasium's are ``VectorEnv``, and the wrappers are called
    after them. The envs only describe (`GroundingWrapper`). ``infos["teacher_prior"]``: float32
    ``(num_envs, n_actions)``; ``infos["teacher_weight"]``: float32 ``(num_envs,)``, with
    MultiDiscrete actions ``(num_envs, n_dims)``; 0 where the answer has not arrived, the teacher
    abstains, or there is nothing to be asked. Both describe the observations returned with them, in
    every autoreset mode, and after a reset of some. ``infos["teacher_pending"]``: object array
    ``(num_envs,)`` of what waits for an answer, or ``None``, for `late_priors` before an update.
    Each has its mask, as Gymnasium has it: ``infos["_teacher_prior"]`` and so on.

    :param env: vector env of envs in `GroundingWrapper`
    :param teacher: as for `LLMTeacherWrapper`, and so are the other arguments
    :param workers: questions open at once; 0: every answer is waited for
    :param late_timeout: seconds that `late_priors` waits
    :raises GroundingError: the actions are neither Discrete nor MultiDiscrete; (at ``reset``) the
        envs do not describe
    :raises ModelUnavailableError: unknown model, missing key, missing weights

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import GroundingWrapper, VectorTeacher
        >>> envs = gym.make_vec("LLMTeacher/SimpleDoorKey-v0", 2, wrappers=[GroundingWrapper])
        >>> envs = VectorTeacher(envs, teacher="script:door_key_planner", late_timeout=10.0)
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
        ask: Condition | str | None = None,
        process: bool = False,
        workers: int = 16,
        late_timeout: float = 5.0,
    ) -> None:
        super().__init__(env)
        sizes = action_sizes(env.single_action_space)
        if not sizes:
            raise GroundingError(
                f"the action space of one env is {env.single_action_space}, expected Discrete or "
                "MultiDiscrete."
            )
        self.teacher = make_teacher(teacher, answers=answers, elicitation=elicitation)
        if process:
            self.teacher = ProcessTeacher(self.teacher, max(1, workers))
        self.adviser = Adviser(
            self.teacher, sizes, env.num_envs, ask=ask, smoothing=smoothing, workers=workers,
            late_timeout=late_timeout, owns_teacher=process,
        )  # fmt: skip
        self._same_step = env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP
        self._over = np.zeros(env.num_envs, dtype=np.bool_)
        self._rows: list[Taught] = [self.adviser.silent(i) for i in range(env.num_envs)]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all envs, or those of a reset mask; what is added to the infos: see the class."""
        # Gymnasium's own envs take the mask out of the options.
        started = (options or {}).get("reset_mask", np.ones(self.num_envs, dtype=np.bool_))
        obs, infos = self.env.reset(seed=seed, options=options)
        if "teacher_situation" not in infos and np.any(started):
            raise GroundingError(
                "the envs do not describe their situations. Wrap each of them: "
                "gym.make_vec(..., wrappers=[GroundingWrapper])."
            )
        self._over = np.where(started, False, self._over)
        # The others are where they were, and what was advised there stands.
        return obs, self._taught(infos, obs, started, new=started)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all envs; see the class for what is added to the infos."""
        obs, rewards, terminations, truncations, infos = self.env.step(actions)
        over = np.logical_or(terminations, truncations)
        for i in np.flatnonzero(~self._over).tolist():
            self.adviser.hear(float(rewards[i]), bool(over[i]), i)
        started, everywhere = over if self._same_step else self._over, np.ones_like(over)
        self._over = np.zeros_like(over) if self._same_step else over
        return (
            obs,
            rewards,
            terminations,
            truncations,
            self._taught(infos, obs, started, everywhere),
        )

    def _taught(
        self,
        infos: dict[str, Any],
        obs: Any,
        started: NDArray[np.bool_],
        new: NDArray[np.bool_],
    ) -> dict[str, Any]:
        """Infos with priors.

        :param started: whether an episode begins, by env
        :param new: whether there is a new observation, by env
        """
        described = infos.get("teacher_situation", np.full(self.num_envs, None))
        kept = {k: v for k, v in infos.items() if k.lstrip("_") != "teacher_situation"}
        for i, here in enumerate(described):
            if started[i]:
                self.adviser.start(i)
            if not new[i]:
                continue
            if here is None:
                self._rows[i] = self.adviser.silent(i)
            else:
                situations = here if isinstance(here, tuple) else (here,)
                self._rows[i] = self.adviser.advise(situations, of_env(obs, i), i)
        rows, pending = self._rows, np.full(self.num_envs, None, dtype=object)
        for i, row in enumerate(rows):
            pending[i] = row.pending
        everywhere = np.ones(self.num_envs, dtype=np.bool_)
        return {
            **kept,
            "teacher_prior": np.stack([row.prior for row in rows]),
            "_teacher_prior": everywhere,
            "teacher_weight": np.array([row.weight for row in rows], dtype=np.float32),
            "_teacher_weight": everywhere.copy(),
            "teacher_pending": pending,
            "_teacher_pending": np.array([row.pending is not None for row in rows]),
        }

    def late_priors(
        self, pending: Mapping[Any, Pending] | NDArray[Any], timeout: float | None = None
    ) -> dict[Any, tuple[NDArray[np.float32], Weight]]:
        """Wait for late answers.

        :param pending: ``infos["teacher_pending"]``; or entries of several of them by any key, for
            example ``(step, env)``
        :param timeout: seconds in all; ``None``: ``late_timeout``
        :return: prior and weight by key, of those that have arrived
        """
        if isinstance(pending, np.ndarray):
            pending = {i: asked for i, asked in enumerate(pending) if asked is not None}
        late = self.adviser.late(pending, timeout)
        return {key: (prior, weight) for key, prior, weight in late}

    def set_teaching(self, every: int) -> None:
        """Stop or resume describing and asking, in all envs."""
        self.env.call("set_teaching", every)  # type: ignore[attr-defined]

    def teacher_metrics(self) -> dict[str, float]:
        """Totals of the teacher, and of the asking (`Adviser.metrics`)."""
        return self.adviser.metrics()

    def close(self, **kwargs: Any) -> None:
        """Close envs and give up open questions."""
        if "adviser" in self.__dict__:  # Gymnasium 1.2 closes what __init__ refused, too
            self.adviser.close()
        super().close(**kwargs)
