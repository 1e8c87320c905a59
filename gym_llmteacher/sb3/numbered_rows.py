"""Rows that know which they are, whatever a buffer does with them.

A buffer may draw, sort, weigh and repeat its rows as it likes, and a class of the user's own may do
so in any place. So which row is which is neither predicted from a random draw nor taken from an
order: while a minibatch is being made, the buffer's ``actions`` have one more column, the row's
number, and it is taken off again before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch as th
from numpy.typing import NDArray
from stable_baselines3.common.buffers import BaseBuffer

from gym_llmteacher.errors import StudentError

if TYPE_CHECKING:  # the buffers that stand behind the mixins
    _Buffer = BaseBuffer
else:
    _Buffer = object

_EXACT = 2**24
"""SB3 hands actions out as float32, which counts exactly up to here."""


_TRUSTED = ("stable_baselines3", "sb3_contrib")
"""Whose buffers hand out the actions they stored: tests say so, and a check is saved."""


class NumberedRows(_Buffer):
    """What `PriorBufferMixin` needs to tell rows by.

    The number of what was stored at ``[step, env]`` is ``step * n_envs + env``.
    """

    actions: NDArray[Any]
    _made_from: type[BaseBuffer]
    _narrow: NDArray[Any] | None = None
    """``actions`` as it was left: another array means that the buffer has begun anew."""
    _wide: NDArray[np.int64]
    _stored: NDArray[np.int64]
    """Actions and numbers, by step and env."""
    action_dtype: Any = None
    """What ``actions`` had before there were numbers beside it."""

    @contextmanager
    def _numbered(self) -> Iterator[None]:
        """While this is open, the buffer's actions carry the numbers of their rows."""
        if self._narrow is not self.actions:
            self._number()
        self.actions = self._wide
        try:
            yield
        finally:
            self._wide = self.actions  # the buffer may have reshaped it
            self.actions = self._narrow = self._wide[..., :-1]

    def _number(self) -> None:
        actions = self.actions
        numbers = np.arange(self.buffer_size * self.n_envs).reshape(self.buffer_size, self.n_envs)
        if actions.ndim == 2:  # of a rollout that has been flattened already
            numbers = self.swap_and_flatten(numbers)
        self.action_dtype = actions.dtype
        wide = np.concatenate([actions, numbers.reshape(*actions.shape[:-1], 1)], axis=-1)
        self._wide = wide.astype(np.int64, copy=False)
        if actions.ndim == 2:
            inverse = np.empty_like(self._wide)
            inverse[self._wide[:, -1]] = self._wide
            self._stored = inverse
        else:
            self._stored = self._wide

    def _denumbered(self, samples: Any) -> tuple[Any, NDArray[np.int64]]:
        """Take the numbers off a minibatch.

        :return: the minibatch as it would have been, and int64 ``(batch,)``; 0 for padding
        :raises StudentError: the numbers are gone, or are not those of these actions
        """
        actions = getattr(samples, "actions", None)
        width = self.action_dim + 1
        if not isinstance(actions, th.Tensor) or actions.ndim != 2 or actions.shape[1] != width:
            shape = tuple(actions.shape) if isinstance(actions, th.Tensor) else actions
            raise self._lost(f"has actions {shape}, expected (batch, {width})")
        n = self.buffer_size * self.n_envs
        if actions.is_floating_point() and n > _EXACT:
            raise self._lost(f"has {n:,} rows, and numbers above {_EXACT:,} are not exact")
        rows = actions[:, -1].long().cpu().numpy()
        if self._made_from.__module__.split(".")[0] not in _TRUSTED:
            rows = rows.clip(0, n - 1)
            self._check(rows, actions.long().cpu(), getattr(samples, "mask", None))
        plain = actions[:, :-1].contiguous()
        if plain.dtype == th.int64:
            plain = plain.to(th.as_tensor(np.zeros(0, self.action_dtype)).dtype)
        return samples._replace(actions=plain), rows

    def _check(self, rows: NDArray[np.int64], numbered: th.Tensor, mask: th.Tensor | None) -> None:
        """Compare actions and numbers with those that were stored."""
        stored = th.as_tensor(self._stored.reshape(-1, numbered.shape[1])[rows])
        right = (stored == numbered).all(dim=1)
        if mask is not None:  # a recurrent student's sequences are padded
            right |= mask.cpu().flatten() == 0
        if not bool(right.all()):
            wrong = int((~right).sum())
            raise self._lost(f"has {wrong} of {len(rows)} actions that are not those it stored")

    def _lost(self, why: str) -> StudentError:
        return StudentError(
            f"a minibatch of {self._made_from.__name__} {why}: which advice belongs to which row "
            "cannot be told, since a row's number travels as the last column of self.actions. Take "
            "the minibatch's actions from there, in a NamedTuple as Stable-Baselines3's buffers "
            "do, or pass teacher_coef=0."
        )
