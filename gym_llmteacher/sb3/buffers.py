"""Buffers that keep the teacher's prior beside each observation, made of SB3's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer

from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.sb3.hindsight import HindsightPriors
from gym_llmteacher.sb3.prior_buffer import PriorBufferMixin
from gym_llmteacher.sb3.replay_priors import ReplayPriors

if TYPE_CHECKING:

    class _Rollout(PriorBufferMixin, RolloutBuffer): ...
else:
    _Rollout = PriorBufferMixin


class RolloutPriors(_Rollout):
    """Put this before an SB3 rollout buffer class."""

    teacher_values: NDArray[np.float32]
    """Like ``teacher_weights``, but step by step: NaN where the teacher has no record."""
    _by_step: tuple[NDArray[np.float32], NDArray[np.float32]]

    def make_room(self) -> None:
        super().make_room()
        self.teacher_values = np.full_like(self.teacher_weights, np.nan)

    def _store(self, pos: int, rows: Rows | None) -> None:
        super()._store(pos, rows)
        unknown = rows is None or rows.value is None
        self.teacher_values[pos] = np.nan if unknown else rows.value  # type: ignore[union-attr]

    def _values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        n = self.buffer_size * self.n_envs
        return self.teacher_values.reshape(n, *self.teacher_values.shape[2:])[rows]

    def get(self, batch_size: int | None = None) -> Any:
        """Yield minibatches in a random order, as SB3 does."""
        if not self.generator_ready:
            # The same reshaping, at the same moment, as the buffer gives its own arrays.
            self._by_step = self.teacher_priors, self.teacher_weights
            self.teacher_priors = self.swap_and_flatten(self.teacher_priors)
            weights = self.swap_and_flatten(self.teacher_weights)
            self.teacher_weights = weights.ravel() if weights.shape[1] == 1 else weights
        if not self.labelling:
            yield from super().get(batch_size)
            return
        batches = super().get(batch_size)
        while True:
            with self._numbered():
                samples = next(batches, None)
            if samples is None:
                return
            yield self._hand_out(samples)

    def _labels_by_step(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._by_step


def with_priors(buffer: Any) -> Any:
    """Return an SB3 buffer that stores priors too, made of this one.

    >>> from gymnasium.spaces import Discrete
    >>> space = Discrete(2)
    >>> with_priors(ReplayBuffer(4, space, space)).teacher_priors.shape
    (4, 1, 2)
    """
    if isinstance(buffer, PriorBufferMixin):
        return buffer
    return _taught_class(type(buffer)).around(buffer)  # type: ignore[arg-type]


@cache
def _taught_class(sb3_class: Any) -> Any:
    mixin: type[PriorBufferMixin] = RolloutPriors
    if issubclass(sb3_class, HerReplayBuffer):
        mixin = HindsightPriors
    elif issubclass(sb3_class, ReplayBuffer):
        mixin = ReplayPriors
    return type(f"Taught{sb3_class.__name__}", (mixin, sb3_class), {"_made_from": sb3_class})
