"""What every buffer has that keeps the teacher's prior beside each observation."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import torch as th
from numpy.typing import NDArray

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.prior import Pending, uniform_prior
from gym_llmteacher.sb3.numbered_rows import NumberedRows
from gym_llmteacher.sb3.plain_buffers import LABELS, plain_state, take_labels


class TaughtBatch(NamedTuple):
    """The minibatch last handed out: SB3's samples and the teacher's rows for them."""

    samples: Any
    prior: th.Tensor
    weight: th.Tensor
    value: th.Tensor


class PriorBufferMixin(NumberedRows):
    """Put this before an SB3 buffer class to store priors and weights.

    Rows are staged with `stage` and stored by the ``add`` of the observation they belong to. What
    is added without is not taught: it has weight 0.

    Attributes: ``teacher_priors`` float32 ``(size, n_envs, n_actions)``, ``teacher_weights``
    float32 ``(size, n_envs)`` (of several action dimensions ``(size, n_envs, n_dims)``),
    ``pending``: priors whose advice had not arrived, by ``(step, env)``, ``batch``: what was handed
    out last, and ``labelling``: whether minibatches are to have labels at all.

    It is pickled as the buffer it was made of, which needs none of this package; its priors lie
    beside, in the attribute ``teacher_labels``.
    """

    batch: TaughtBatch | None
    labelling: bool

    def __reduce__(self) -> Any:
        return object.__new__, (self._made_from,), plain_state(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        make, arguments, state = self.__reduce__()
        plain, state = make(*arguments), copy.deepcopy(state, memo)
        getattr(plain, "__setstate__", plain.__dict__.update)(state)
        return type(self).around(plain)

    @classmethod
    def around(cls, buffer: Any) -> Any:
        """Make one of an SB3 buffer, with the labels that were saved with it, if any."""
        taught = object.__new__(cls)
        taught.__dict__.update(vars(buffer))
        taught.make_room()
        labels = taught.__dict__.pop(LABELS, None)
        if labels is not None:
            take_labels(taught, labels)
        return taught

    def stage(self, rows: Rows, *observations: Any) -> None:
        """Set the rows that the next ``add`` of one of these very observations stores.

        :raises RuntimeError: the last ones were not stored
        """
        if self._staged is not None:
            raise RuntimeError(
                f"{self._made_from.__name__}.add was not called with the observation that advice "
                "was staged for, expected once per step: is it given a copy?"
            )
        self._staged: tuple[Rows, tuple[Any, ...]] | None = (rows, observations)

    def unstage(self) -> None:
        """Forget what was staged and not stored: a training was interrupted there."""
        self._staged = None

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
        self.labelling = True
        self.unstage()
        self.batch = None

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Store a step, with the rows that were staged for it."""
        obs = args[0] if args else kwargs.get("obs")
        rows, pos = self._rows_of(obs), self.pos
        self._store(pos, rows)
        super().add(*args, **kwargs)

    def _store(self, pos: int, rows: Rows | None) -> None:
        if rows is None:
            self.teacher_priors[pos] = uniform_prior(*action_sizes(self.action_space))
            self.teacher_weights[pos] = 0.0
        else:
            self.teacher_priors[pos], self.teacher_weights[pos] = rows.prior, rows.weight
        late = {} if rows is None else rows.pending
        if self.pending or late:
            for i in range(self.n_envs):
                self.pending.pop((pos, i), None)  # a ring buffer comes round again
            self.pending.update({(pos, i): asked for i, asked in late.items()})

    def _rows_of(self, obs: Any) -> Rows | None:
        if self._staged is None or not any(obs is one for one in self._staged[1]):
            return None
        rows, _ = self._staged
        self._staged = None
        return rows

    def _hand_out(self, samples: Any) -> Any:
        """Label a minibatch whose rows are numbered."""
        samples, rows = self._denumbered(samples)
        prior, weight = self._labels(rows, samples)
        mask = getattr(samples, "mask", None)
        if mask is not None:
            # Padding is not taught. Its priors are distributions all the same: divergences may
            # take their logarithm.
            padding = (mask.flatten() == 0).cpu().numpy()
            prior[padding] = uniform_prior(*action_sizes(self.action_space))
            weight[padding] = 0.0
        # Picked rows are a copy already.
        columns = (self.to_torch(each, copy=False) for each in (prior, weight, self._values(rows)))
        self.batch = TaughtBatch(samples, *columns)
        return samples

    def _labels(self, rows: NDArray[np.int64], samples: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Priors and weights of rows, by their numbers; copies."""
        n = self.buffer_size * self.n_envs
        priors, weights = self._labels_by_step()
        return priors.reshape(n, -1)[rows], weights.reshape(n, *weights.shape[2:])[rows]

    def _values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The teacher's record of rows; NaN: unknown, as in buffers that no gate looks at."""
        return np.full(len(rows), np.nan, dtype=np.float32)

    def _labels_by_step(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.teacher_priors, self.teacher_weights

    def batch_of(self, observations: Any) -> TaughtBatch:
        """What was handed out with these observations.

        :raises StudentError: they are not those that were handed out last
        """
        if self.batch is None or observations is not self.batch.samples.observations:
            raise StudentError(
                f"a loss is computed of observations that are not those which "
                f"{self._made_from.__name__} handed out last: their advice is not known. Cure: "
                "change observations in the buffer's _get_samples and not in train(), or pass "
                "teacher_coef=0."
            )
        return self.batch
