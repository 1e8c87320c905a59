"""Buffers that keep the teacher's prior beside each observation."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch as th
from numpy.typing import NDArray
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer, RolloutBuffer

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.prior import Pending, uniform_prior

if TYPE_CHECKING:  # the buffers that stand behind the mixins
    _Buffer = BaseBuffer
else:
    _Buffer = object


class TaughtBatch(NamedTuple):
    """The minibatch last handed out: SB3's samples and the teacher's rows for them."""

    samples: Any
    prior: th.Tensor
    weight: th.Tensor


class PriorBufferMixin(_Buffer):
    """Put this before an SB3 buffer class to store priors and weights.

    Rows are staged with `stage` and stored by the ``add`` that follows; a second ``add`` without a
    new row is an error, so that any reordering in SB3 fails loudly instead of mislabelling.

    Attributes: ``teacher_priors`` float32 ``(size, n_envs, n_actions)``, ``teacher_weights``
    float32 ``(size, n_envs)`` (of several action dimensions ``(size, n_envs, n_dims)``),
    ``pending``: priors whose advice had not arrived, by ``(step, env)``, and
    ``batch``: what was handed out last.
    """

    batch: TaughtBatch | None
    _made_from: tuple[type[BaseBuffer], bool]

    def __reduce__(self) -> Any:
        # The class is made on the fly: pickle needs to be told how.
        return _revive, (*self._made_from, self.__dict__)

    def stage(self, rows: Rows) -> None:
        """Set the rows of the observation that the next ``add`` stores."""
        self._staged: Rows | None = rows

    def reset(self) -> None:
        """Empty the buffer."""
        self.make_room()
        super().reset()

    def make_room(self) -> None:
        """Make room for priors; those that were there are forgotten."""
        shape = (self.buffer_size, self.n_envs)
        sizes = action_sizes(self.action_space)
        self.teacher_priors: NDArray[np.float32] = np.zeros((*shape, sum(sizes)), dtype=np.float32)
        per_row = shape if len(sizes) == 1 else (*shape, len(sizes))
        self.teacher_weights: NDArray[np.float32] = np.zeros(per_row, dtype=np.float32)
        self.pending: dict[tuple[int, int], Pending] = {}
        self._staged = None
        self.batch = None

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Store a step, with the staged rows."""
        if self._staged is None:
            raise RuntimeError(
                "no teacher prior was staged for this step: stage(rows) must be called "
                "once before each add()."
            )
        pos, rows = self.pos, self._staged
        self.teacher_priors[pos], self.teacher_weights[pos] = rows.prior, rows.weight
        if self.pending or rows.pending:
            for i in range(self.n_envs):
                self.pending.pop((pos, i), None)  # a ring buffer comes round again
            self.pending.update({(pos, i): late for i, late in rows.pending.items()})
        self._staged = None
        super().add(*args, **kwargs)

    def _hand_out(self, samples: Any, rows: Any) -> None:
        self.batch = TaughtBatch(
            samples,
            # Picked rows are a copy already.
            self.to_torch(self.teacher_priors[rows], copy=False),
            self.to_torch(self.teacher_weights[rows], copy=False),
        )


if TYPE_CHECKING:

    class _Rollout(PriorBufferMixin, RolloutBuffer): ...

    class _Replay(PriorBufferMixin, ReplayBuffer): ...
else:
    _Rollout = _Replay = PriorBufferMixin


class RolloutPriors(_Rollout):
    """Put this before an SB3 rollout buffer class."""

    def get(self, batch_size: int | None = None) -> Any:
        """Yield minibatches in a random order, as SB3 does."""
        if not self.generator_ready:
            # The same reshaping, at the same moment, as the buffer gives its own arrays.
            self.teacher_priors = self.swap_and_flatten(self.teacher_priors)
            weights = self.swap_and_flatten(self.teacher_weights)
            self.teacher_weights = weights.ravel() if weights.shape[1] == 1 else weights
        yield from super().get(batch_size)

    def _get_samples(self, batch_inds: NDArray[np.int64], *args: Any, **kwargs: Any) -> Any:
        samples = super()._get_samples(batch_inds, *args, **kwargs)
        self._hand_out(samples, batch_inds)
        return samples


class RecurrentPriors(RolloutPriors):
    """Put this before sb3-contrib's recurrent rollout buffers: rows are padded as theirs are."""

    def _hand_out(self, samples: Any, rows: Any) -> None:
        pad = cast(Any, self).pad
        prior = pad(self.teacher_priors[rows]).flatten(0, 1)
        # Padding has weight 0: it is not taught. Its priors are distributions all the same:
        # divergences may take their logarithm.
        uniform = uniform_prior(*action_sizes(self.action_space))
        prior[samples.mask.flatten() == 0] = self.to_torch(uniform)
        self.batch = TaughtBatch(samples, prior, pad(self.teacher_weights[rows]).flatten(0, 1))


class ReplayPriors(_Replay):
    """Put this before an SB3 replay buffer class."""

    def _get_samples(self, batch_inds: NDArray[np.int64], env: Any = None) -> Any:
        # SB3 draws each row's env in here and keeps it to itself: draw the same ones beforehand.
        state = np.random.get_state()
        env_indices = np.random.randint(0, high=self.n_envs, size=(len(batch_inds),))
        np.random.set_state(state)
        samples = super()._get_samples(batch_inds, env)
        self._hand_out(samples, (batch_inds, env_indices))
        return samples


def with_priors(buffer: Any) -> Any:
    """Return an SB3 buffer that stores priors too, made of this one.

    >>> from gymnasium.spaces import Discrete
    >>> space = Discrete(2)
    >>> with_priors(ReplayBuffer(4, space, space)).teacher_priors.shape
    (4, 1, 2)
    """
    if isinstance(buffer, PriorBufferMixin):
        return buffer
    taught = _revive(type(buffer), hasattr(buffer, "hidden_state_shape"), vars(buffer))
    taught.make_room()
    return taught


def _revive(sb3_class: Any, recurrent: bool, state: dict[str, Any]) -> Any:
    """Make a taught buffer of this class with these attributes."""
    buffer = object.__new__(_taught_class(sb3_class, recurrent))
    buffer.__dict__.update(state)
    return buffer


@cache
def _taught_class(sb3_class: Any, recurrent: bool) -> Any:
    mixin: type[PriorBufferMixin] = RecurrentPriors if recurrent else RolloutPriors
    if issubclass(sb3_class, ReplayBuffer):
        mixin = ReplayPriors
    made_from = {"_made_from": (sb3_class, recurrent)}
    return type(f"Taught{sb3_class.__name__}", (mixin, sb3_class), made_from)
