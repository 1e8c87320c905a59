"""Teaching for SB3's algorithms, without a copied line of them: what all of them share.

Priors are captured in ``_setup_learn`` and ``_update_info_buffer`` (called once per step just
before the buffer's ``add``) and stored by the buffer. How they become a loss is in
`gym_llmteacher.sb3.on_policy` and `gym_llmteacher.sb3.off_policy`.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.learning.coef import CoefSpec, coef_schedule, coef_spec, default_coef
from gym_llmteacher.learning.divergences import (
    Divergence,
    DivergenceSpec,
    as_divergence,
    divergence_spec,
)
from gym_llmteacher.learning.losses import TaughtRows, figures
from gym_llmteacher.learning.priors import Rows, read_priors
from gym_llmteacher.learning.schedules import CoefSchedule, Progress
from gym_llmteacher.sb3.buffers import with_priors
from gym_llmteacher.sb3.infos import current_infos, first_infos
from gym_llmteacher.sb3.judged import JudgedTeacher
from gym_llmteacher.sb3.judging import figures_of
from gym_llmteacher.sb3.numbers import whole
from gym_llmteacher.sb3.prior_buffer import PriorBufferMixin
from gym_llmteacher.sb3.saving import packed, unpacked
from gym_llmteacher.sb3.telemetry import late_priors, set_teaching, teacher_totals


def _untaught(taught: type) -> Any:
    """Return the algorithm that stands behind a taught one."""
    return next(base for base in taught.__mro__ if not issubclass(base, JudgedTeacher))


def _warn_over(coef: CoefSchedule, begin: int) -> None:
    warnings.warn(
        f"teacher_coef={coef!r} is 0 from env step {coef.zero_from:,.0f} on, and this training "
        f"begins at {begin:,}: nothing will be taught. Schedules count absolute env steps. Name "
        f"one that ends later (begin={begin} for LLM4Teach), leave teacher_coef out, or count from "
        "0 again: learn(..., reset_num_timesteps=True).",
        stacklevel=4,
    )


class TaughtAlgorithm(JudgedTeacher):
    """What every taught algorithm has; put `TaughtOnPolicy` or `TaughtOffPolicy` before SB3's.

    :param args: the algorithm's own, by name, order and default
    :param teacher_coef: see `TeacherPPO`
    :param teacher_divergence: see `TeacherPPO`
    :param teacher_eval_episodes: see `TeacherPPO`
    :param teacher_every: see `TeacherPPO`
    :raises GroundingError: the action space is neither Discrete nor MultiDiscrete
    :raises ScheduleError: a negative or rising coefficient, or an unknown shape
    :raises StudentError: an unknown divergence, or a number of episodes that cannot be one
    """

    teacher_coef: CoefSpec | None
    """A number or dict wherever possible, so that a saved student needs no class of ours."""
    teacher_divergence: DivergenceSpec
    """A name wherever possible."""
    teacher_has_taught: bool
    """Whether λ has been above 0 in any update."""
    _default_coef: Callable[[int, int], CoefSchedule] = staticmethod(default_coef)
    _buffer_name: str
    """The attribute that holds the rollout or replay buffer."""
    _divergence: Divergence

    def __init__(
        self,
        *args: Any,
        teacher_coef: CoefSpec | None = None,
        teacher_divergence: DivergenceSpec = "cross_entropy",
        teacher_eval_episodes: int | None = None,
        teacher_every: int = 1,
        **kwargs: Any,
    ) -> None:
        self.teacher_coef = None if teacher_coef is None else coef_spec(teacher_coef)
        self.teacher_divergence = divergence_spec(teacher_divergence)
        self.teacher_every = whole("teacher_every", teacher_every, 1)
        self._begin_account(teacher_eval_episodes)
        self._coef: CoefSchedule | None = None
        self._last_priors: Rows | None = None
        self._asking: bool | None = None
        self._teaching_log: list[list[TaughtRows]] = []
        self.teacher_has_taught = False
        super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show SB3's arguments, then ours, to ``help`` and to whoever inspects signatures."""
        super().__init_subclass__(**kwargs)
        mixins = [base for base in reversed(cls.__mro__) if issubclass(base, TaughtAlgorithm)]
        algorithm = _untaught(cls)
        theirs = list(inspect.signature(algorithm.__init__).parameters.values())[1:]
        ours = {
            name: parameter
            for base in mixins
            for name, parameter in inspect.signature(base.__init__).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        if algorithm is not object:
            in_order = sorted([*theirs, *ours.values()], key=lambda p: p.kind == p.VAR_KEYWORD)
            cls.__signature__ = inspect.Signature(in_order)  # type: ignore[attr-defined]

    # -- set-up ---------------------------------------------------------------------------------

    def _setup_model(self) -> None:
        vars(self).update(unpacked(vars(self)))  # of a student that is being loaded
        space = self.action_space
        if not action_sizes(space):
            raise GroundingError(
                f"the action space is {space}, expected Discrete or MultiDiscrete: a teacher's "
                "prior is a distribution over named actions. Discretise the actions with a "
                f"Gymnasium ActionWrapper, or use plain {_untaught(type(self)).__name__}."
            )
        if self.teacher_coef is not None:
            self._coef = coef_schedule(self.teacher_coef)
        self.teacher_divergence = divergence_spec(self.teacher_divergence)
        self._divergence = as_divergence(self.teacher_divergence)
        super()._setup_model()  # type: ignore[safe-super]  # an algorithm stands behind
        setattr(self, self._buffer_name, with_priors(getattr(self, self._buffer_name)))

    @property
    def _prior_buffer(self) -> PriorBufferMixin:
        buffer = getattr(self, self._buffer_name)
        assert isinstance(buffer, PriorBufferMixin)
        return buffer

    def _excluded_save_params(self) -> list[str]:
        excluded: list[str] = super()._excluded_save_params()
        return [*excluded, "_coef", "_divergence", "_last_priors", "_asking", "_teaching_log"]

    def save(self, path: Any, exclude: Any = None, include: Any = None) -> None:
        """Save as SB3 does; objects of yours are saved as bytes (`gym_llmteacher.sb3.saving`).

        :raises StudentError: one of them cannot be pickled
        """
        exclude = list(exclude or ())
        as_bytes = packed(vars(self), exclude)
        objects = {name: getattr(self, name) for name in as_bytes}
        vars(self).update(as_bytes)
        try:
            super().save(path, exclude, include)
        finally:
            vars(self).update(objects)

    if not TYPE_CHECKING:  # which is to see the algorithm's own signature

        def learn(self, *args: Any, **kwargs: Any) -> Any:
            """Train, with the algorithm's own arguments; ``tb_log_name`` is the class's name."""
            if len(args) < 4:
                kwargs.setdefault("tb_log_name", type(self).__name__)
            return super().learn(*args, **kwargs)

    # -- capture --------------------------------------------------------------------------------

    def _setup_learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        reset_num_timesteps: bool = True,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        begin = 0 if reset_num_timesteps else self.num_timesteps
        if self._coef is None:
            self._coef = self._default_coef(total_timesteps, begin)
            self.teacher_coef = coef_spec(self._coef)
        if reset_num_timesteps:
            self._coef.restart()
        if 0 < self._coef.zero_from <= begin and not self.teacher_has_taught:
            _warn_over(self._coef, begin)
        self._asking = None  # the env may be a new one: tell it in any case
        starts_over = reset_num_timesteps or self._last_obs is None
        self._prior_buffer.unstage()
        self._tell_teacher(begin)
        to_play = self.teacher_eval_episodes and self.teacher_eval is None
        played = 0
        self._remind_teacher()
        if starts_over and to_play and self._asking:
            played = self._evaluate_teacher(total_timesteps)  # it acts: advice at every step
        if self._asking and self.teacher_every > 1:
            set_teaching(self._vec_env, self.teacher_every)
        result = super()._setup_learn(
            total_timesteps, callback, reset_num_timesteps, *args, **kwargs
        )
        self.num_timesteps += played if self._counts_played else 0
        if not self._asking:
            self._last_priors = None  # nothing is read any more: λ does not rise
        elif starts_over:
            self._last_priors = self._read(first_infos(self._vec_env))
        elif self._last_priors is None:
            # An observation kept from before without its prior: not taught, for one step.
            self._last_priors = self._read([{}] * self._vec_env.num_envs, required=False)
        return result

    def _update_info_buffer(
        self, infos: list[dict[str, Any]], dones: NDArray[np.bool_] | None = None
    ) -> None:
        super()._update_info_buffer(infos, dones)
        if self._last_priors is None:
            return
        assert dones is not None
        # Off-policy algorithms with a VecNormalize store the observation as it was before.
        original = getattr(self, "_last_original_obs", None)
        self._prior_buffer.stage(self._last_priors, self._last_obs, original)
        self._last_priors = None
        if self._asking:
            self._last_priors = self._read(current_infos(self._vec_env, infos, dones))

    def _read(self, infos: Any, required: bool = True) -> Rows:
        return read_priors(infos, action_sizes(self.action_space), required)

    def _fill_in_late_priors(self, timeout: float | None = None) -> None:
        """A prior is needed when the loss is computed, not when the env steps."""
        buffer = self._prior_buffer
        if buffer.pending:
            arrived = late_priors(self._vec_env, buffer.pending, lambda key: key[1], timeout)
            for key, prior, weight in list(arrived):
                buffer.teacher_priors[key] = prior
                buffer.teacher_weights[key] = weight
                del buffer.pending[key]

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
        if self._coef is None or not self.teacher_followed:
            return 0.0
        return self._coef(self.num_timesteps)

    # -- is the teacher any good? ---------------------------------------------------------------

    def _playable(self, infos: Any) -> Rows:
        """Priors to act on, late answers included."""
        rows = self._read(infos)
        for i, prior, weight in late_priors(self._vec_env, rows.pending, lambda env: env, None):
            rows.prior[i], rows.weight[i] = prior, weight
        return rows._replace(pending={})

    # -- after an update ------------------------------------------------------------------------

    def _after_update(self, coef: float, coverage: float) -> None:
        """Log what was taught, and let the schedule see how the student is doing."""
        self.teacher_has_taught |= coef > 0
        kl = self._record_teaching(coef, coverage)
        if self.teacher_followed is None:
            self._judge_teacher()
        elif self.teacher_trial is not None and self.num_timesteps >= self.teacher_trial["until"]:
            self._end_trial()
        assert self._coef is not None
        returns = [episode["r"] for episode in self.ep_info_buffer or ()]
        mean_return = float(np.mean(returns)) if returns else math.nan
        self._coef.observe(Progress(self.num_timesteps, kl, mean_return))
        self.teacher_coef = coef_spec(self._coef)  # its state is saved with the student
        self._tell_teacher(self.num_timesteps)

    def _record_teaching(self, coef: float, coverage: float) -> float:
        """Log what was taught; return the mean KL, NaN if nothing was."""
        record = self.logger.record
        record("teacher/coef", coef)
        record("teacher/coverage", coverage)
        for name, value in figures_of(self.teacher_record).items():
            record(f"teacher/{name}", value)
        taught = figures(self._teaching_log, self._divergence) if self._teaching_log else {}
        for name, value in taught.items():
            record(f"teacher/{name}", value)
        self._teaching_log = []
        if self._asking:
            totals: Mapping[str, float] = teacher_totals(self._vec_env)
            for name, value in totals.items():
                record(f"teacher/{name}", value)
        return taught.get("kl", math.nan)
