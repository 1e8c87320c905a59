"""Teaching for SB3's on-policy algorithms, without a copied line of them.

Three seams, each a few lines: priors are captured in ``_setup_learn`` and ``_update_info_buffer``
(called once per step just before ``rollout_buffer.add``), stored by the buffer, and turned into a
loss where the algorithm's own ``train`` evaluates its actions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper

from gym_llmteacher.errors import GroundingError, ScheduleError
from gym_llmteacher.sb3.buffers import PriorBufferMixin, with_priors
from gym_llmteacher.sb3.coef import CoefSpec, coef_schedule, coef_spec
from gym_llmteacher.sb3.gates import checked_gates, gated_weight
from gym_llmteacher.sb3.losses import DIVERGENCES, TeachingLoss, add_to_loss, teaching_loss
from gym_llmteacher.sb3.priors import Rows, current_infos, first_infos, read_priors
from gym_llmteacher.sb3.schedules import CoefSchedule, LLM4Teach, Progress
from gym_llmteacher.sb3.telemetry import set_teaching, teacher_totals
from gym_llmteacher.sb3.vec_teacher import VecTeacher

if TYPE_CHECKING:  # the algorithm that stands behind the mixin
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm as _Algorithm
else:
    _Algorithm = object


def default_coef(total_timesteps: int) -> LLM4Teach:
    """λ from 3 to 0.1 over 40 % of training, held to 70 %, then exactly 0 (the paper's shape)."""
    steps = max(1, total_timesteps)
    return LLM4Teach(3.0, 0.1, decay_steps=max(1, 0.4 * steps), cut_steps=0.7 * steps)


class TeacherMixin(_Algorithm):
    """Put this before an SB3 on-policy algorithm with a Discrete action space."""

    teacher_coef: CoefSpec | None
    """A number or dict wherever possible, so that a saved student needs no class of ours."""
    teacher_divergence: str
    teacher_gates: tuple[str, ...]
    rollout_buffer_class: type[RolloutBuffer] | None

    def _init_teacher(
        self,
        teacher_coef: CoefSpec | None,
        teacher_divergence: str,
        teacher_gates: str | Sequence[str],
    ) -> None:
        self.teacher_coef = None if teacher_coef is None else coef_spec(teacher_coef)
        if teacher_divergence not in DIVERGENCES:
            raise ScheduleError(
                f"teacher_divergence is {teacher_divergence!r}, expected one of "
                f"{', '.join(DIVERGENCES)}."
            )
        self.teacher_divergence = teacher_divergence
        self.teacher_gates = checked_gates(teacher_gates)
        self._last_priors: Rows | None = None
        self._asking: bool | None = None
        self._teaching_log: list[TeachingLoss] = []

    # -- set-up ---------------------------------------------------------------------------------

    def _setup_model(self) -> None:
        space = self.action_space
        if not isinstance(space, spaces.Discrete):
            raise GroundingError(
                f"the action space is {space}, expected Discrete: a teacher's prior is a "
                "distribution over named actions. Discretise the actions with a Gymnasium "
                "ActionWrapper, or use plain PPO."
            )
        self._coef: CoefSchedule | None = (
            None if self.teacher_coef is None else coef_schedule(self.teacher_coef)
        )
        # Only the instance's buffer gets priors; the class that is saved stays the user's own, so
        # that the model also loads in the parent algorithm.
        chosen = self.rollout_buffer_class
        self.rollout_buffer_class = with_priors(
            chosen,
            self.observation_space,
        )
        try:
            super()._setup_model()
        finally:
            self.rollout_buffer_class = chosen

    def _excluded_save_params(self) -> list[str]:
        excluded: list[str] = super()._excluded_save_params()
        return [*excluded, "_coef", "_last_priors", "_asking", "_teaching_log"]

    # -- capture --------------------------------------------------------------------------------

    def _setup_learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        reset_num_timesteps: bool = True,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if self._coef is None:
            self._coef = default_coef(total_timesteps)
            self.teacher_coef = coef_spec(self._coef)
        if reset_num_timesteps:
            self._coef.restart()
        self._asking = None  # the env may be a new one: tell it in any case
        starts_over = reset_num_timesteps or self._last_obs is None
        self._tell_teacher(0 if reset_num_timesteps else self.num_timesteps)
        result = super()._setup_learn(
            total_timesteps, callback, reset_num_timesteps, *args, **kwargs
        )
        if starts_over:
            self._last_priors = self._read(first_infos(self._vec_env))
        elif self._last_priors is None:
            # An observation kept from before without its prior: not taught, for one step.
            self._last_priors = self._read([{}] * self._vec_env.num_envs, required=False)
        return result

    def _update_info_buffer(
        self, infos: list[dict[str, Any]], dones: NDArray[np.bool_] | None = None
    ) -> None:
        super()._update_info_buffer(infos, dones)
        assert dones is not None
        assert self._last_priors is not None
        self._prior_buffer.stage(self._last_priors)
        self._last_priors = self._read(current_infos(self._vec_env, infos, dones))

    @property
    def _vec_env(self) -> VecEnv:
        env = self.env
        assert env is not None
        return env

    @property
    def _prior_buffer(self) -> PriorBufferMixin:
        buffer = self.rollout_buffer
        assert isinstance(buffer, PriorBufferMixin)
        return buffer

    def _read(self, infos: Any, required: bool | None = None) -> Rows:
        assert isinstance(self.action_space, spaces.Discrete)
        n_actions = int(self.action_space.n)
        return read_priors(infos, n_actions, bool(self._asking) if required is None else required)

    def _tell_teacher(self, num_timesteps: int) -> None:
        """After the cut-off the teacher is not asked at all."""
        assert self._coef is not None
        asking = num_timesteps < self._coef.zero_from
        if asking != self._asking:
            self._asking = asking
            set_teaching(self._vec_env, asking)

    @property
    def current_coef(self) -> float:
        """λ at the present env step (0 before the first ``learn`` fixes a default schedule)."""
        return 0.0 if self._coef is None else self._coef(self.num_timesteps)

    # -- loss -----------------------------------------------------------------------------------

    def train(self) -> None:
        """Update the policy on the joint loss, with the algorithm's own ``train``."""
        coef = self.current_coef
        if coef > 0:
            self._fill_in_late_priors()
        coverage = float(np.mean(self._prior_buffer.teacher_weights > 0))
        self._teaching_log = []
        if coef > 0 and coverage > 0:
            with self._joint_loss(coef):
                super().train()
        else:
            super().train()
        self._observe(self._record_teaching(coef, coverage))
        self._tell_teacher(self.num_timesteps)

    def _fill_in_late_priors(self) -> None:
        """A prior is needed when the loss is computed, not when the env steps."""
        buffer = self._prior_buffer
        teacher = unwrap_vec_wrapper(self._vec_env, VecTeacher)
        if teacher is not None and buffer.pending:
            for (step, env), prior, weight in teacher.late_priors(buffer.pending):
                buffer.teacher_priors[step, env] = prior
                buffer.teacher_weights[step, env] = weight

    @contextmanager
    def _joint_loss(self, coef: float) -> Iterator[None]:
        """While this is open, ``policy.evaluate_actions`` carries the teaching loss along."""
        policy: Any = self.policy
        evaluate = policy.evaluate_actions

        def taught_evaluate(*args: Any, **kwargs: Any) -> Any:
            values, log_prob, entropy = evaluate(*args, **kwargs)
            # The distribution evaluate_actions has just built: no second forward pass.
            result = self._teaching_loss(policy.action_dist.distribution.logits, log_prob)
            return values, add_to_loss(log_prob, coef * result.loss), entropy

        policy.evaluate_actions = taught_evaluate
        try:
            yield
        finally:
            del policy.evaluate_actions

    def _teaching_loss(self, log_probs: th.Tensor, log_prob: th.Tensor) -> TeachingLoss:
        batch = self._prior_buffer.batch
        assert batch is not None
        weight = batch.weight
        if self.teacher_gates:
            samples = batch.samples
            weight = gated_weight(
                self.teacher_gates,
                weight,
                batch.prior,
                samples.actions,
                samples.advantages,
                log_prob,
                samples.old_log_prob,
            )
        result = teaching_loss(log_probs, batch.prior, weight, self.teacher_divergence)
        self._teaching_log.append(result)
        return result

    def _observe(self, kl: float) -> None:
        """Let the schedule see how the student is doing; its state is saved with the student."""
        assert self._coef is not None
        returns = [episode["r"] for episode in self.ep_info_buffer or ()]
        mean_return = float(np.mean(returns)) if returns else math.nan
        self._coef.observe(Progress(self.num_timesteps, kl, mean_return))
        self.teacher_coef = coef_spec(self._coef)

    def _record_teaching(self, coef: float, coverage: float) -> float:
        """Log what was taught; return the mean KL, NaN if nothing was."""
        record = self.logger.record
        record("teacher/coef", coef)
        record("teacher/coverage", coverage)
        taught = [item for item in self._teaching_log if item.taught > 0]
        means = {
            name: float(np.mean([getattr(item, name).item() for item in taught]))
            for name in (("loss", "kl", "agreement") if taught else ())
        }
        for name, value in means.items():
            record(f"teacher/{name}", value)
        self._teaching_log = []
        if self._asking:
            totals: Mapping[str, float] = teacher_totals(self._vec_env)
            for name, value in totals.items():
                record(f"teacher/{name}", value)
        return means.get("kl", math.nan)
