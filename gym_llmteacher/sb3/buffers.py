"""Rollout buffers that keep the teacher's prior beside each observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch as th
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import DictRolloutBuffer, RolloutBuffer

from gym_llmteacher.sb3.priors import Rows
from gym_llmteacher.situation import Situation

if TYPE_CHECKING:  # the buffer that stands behind the mixin
    _Buffer = RolloutBuffer
else:
    _Buffer = object


class TaughtBatch(NamedTuple):
    """The minibatch last handed out: SB3's samples and the teacher's rows for them."""

    samples: Any
    prior: th.Tensor
    weight: th.Tensor


class PriorBufferMixin(_Buffer):
    """Put this before any SB3 rollout buffer class to store priors and weights.

    ``pending`` has the situations of rows whose advice had not arrived, by ``(step, env)``.

    Rows are staged with `stage` and stored by the ``add`` that follows; a second ``add`` without a
    new row is an error, so that any reordering in SB3 fails loudly instead of mislabelling.
    """

    batch: TaughtBatch | None

    def stage(self, rows: Rows) -> None:
        """Set the rows of the observation that the next ``add`` stores."""
        self._staged: Rows | None = rows

    def reset(self) -> None:
        """Empty the buffer."""
        shape = (self.buffer_size, self.n_envs)
        assert isinstance(self.action_space, spaces.Discrete)
        self.teacher_priors: NDArray[np.float32] = np.zeros(
            (*shape, int(self.action_space.n)), dtype=np.float32
        )
        self.teacher_weights: NDArray[np.float32] = np.zeros(shape, dtype=np.float32)
        self.pending: dict[tuple[int, int], Situation] = {}
        self._staged = None
        self.batch = None
        super().reset()

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Store a step, with the staged rows."""
        if self._staged is None:
            raise RuntimeError(
                "no teacher prior was staged for this step: stage(rows) must be called "
                "once before each add()."
            )
        pos, rows = self.pos, self._staged
        self.teacher_priors[pos], self.teacher_weights[pos] = rows.prior, rows.weight
        self.pending.update({(pos, i): situation for i, situation in rows.pending.items()})
        self._staged = None
        super().add(*args, **kwargs)

    def get(self, batch_size: int | None = None) -> Any:
        """Yield minibatches in a random order, as SB3 does."""
        if not self.generator_ready:
            # The same reshaping, at the same moment, as the buffer gives its own arrays.
            self.teacher_priors = self.swap_and_flatten(self.teacher_priors)
            self.teacher_weights = self.swap_and_flatten(self.teacher_weights).ravel()
        yield from super().get(batch_size)

    def _get_samples(self, batch_inds: NDArray[np.int64], env: Any = None) -> Any:
        samples = super()._get_samples(batch_inds, env)
        self.batch = TaughtBatch(
            samples,
            self.to_torch(self.teacher_priors[batch_inds]),
            self.to_torch(self.teacher_weights[batch_inds]),
        )
        return samples


class TeacherRolloutBuffer(PriorBufferMixin, RolloutBuffer):
    """`RolloutBuffer` with the teacher's priors."""


class TeacherDictRolloutBuffer(PriorBufferMixin, DictRolloutBuffer):
    """`DictRolloutBuffer` with the teacher's priors."""


def with_priors(
    buffer_class: type[RolloutBuffer] | None, observation_space: spaces.Space[Any]
) -> type[RolloutBuffer]:
    """Return a buffer class that stores priors: SB3's default, or the given one extended."""
    if buffer_class is None:
        is_dict = isinstance(observation_space, spaces.Dict)
        return TeacherDictRolloutBuffer if is_dict else TeacherRolloutBuffer
    if issubclass(buffer_class, PriorBufferMixin):
        return buffer_class
    return type(f"Teacher{buffer_class.__name__}", (PriorBufferMixin, buffer_class), {})
