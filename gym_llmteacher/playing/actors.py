"""Who acts: a student, or a teacher by its priors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.action_dims import split_dims
from gym_llmteacher.learning.priors import Rows, act_on, read_priors
from gym_llmteacher.prior import Pending

Infos = Sequence[Mapping[str, Any]]
Late = Callable[[Mapping[int, Pending]], Iterable[tuple[int, Any, Any]]]
"""Waits for late answers; env, prior and weight of those that have arrived."""
Said = Callable[[int], Pending]
"""What is asked and advised in an env now."""
Actor = Callable[[Any, Infos, NDArray[np.bool_]], NDArray[Any]]
"""(stacked observations, infos, whether an episode starts here) -> one action per env."""


class HasPredict(Protocol):
    """An SB3 model, or anything that predicts like one."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """Actions for a batch of observations."""


class StudentActor:
    """Acts as a student does, with the memory its policy has, if any.

    :param model: an SB3 model
    :param deterministic: whether it takes its most likely action, or draws one
    """

    def __init__(self, model: HasPredict, deterministic: bool = False) -> None:
        self.model, self.deterministic = model, deterministic
        self._state: Any = None

    def __call__(self, obs: Any, infos: Infos, starts: NDArray[np.bool_]) -> NDArray[Any]:
        """One action per env."""
        actions, self._state = self.model.predict(obs, self._state, starts, self.deterministic)
        return np.asarray(actions)


class TeacherActor:
    """Acts on the priors in the infos; where the teacher abstains, uniformly at random.

    :param deterministic: whether to take the most likely action, or to draw one
    :param rng: generator of its own, or a seed of one
    :param sizes: number of actions of each action dimension; ``None``: as the env has it that is
        played, or one dimension
    :param read: makes rows of infos, if not `read_priors`

    Attributes: ``rows``, the priors it acted on last.

    >>> infos = [{"teacher_prior": np.array([0.2, 0.8], np.float32), "teacher_weight": 1.0}]
    >>> TeacherActor(deterministic=True)(None, infos, np.ones(1, dtype=bool)).tolist()
    [1]
    """

    def __init__(
        self,
        deterministic: bool = False,
        rng: np.random.Generator | int = 0,
        sizes: tuple[int, ...] | None = None,
        read: Callable[[Any], Rows] | None = None,
    ) -> None:
        self.deterministic, self.sizes = deterministic, sizes
        self._rng = np.random.default_rng(rng)
        self._read = read
        self._late: Late | None = None
        self._said: Said | None = None
        self.rows = Rows(np.zeros((0, 0), np.float32), np.zeros(0, np.float32), {})

    @contextmanager
    def playing(self, sizes: tuple[int, ...], late: Late, said: Said) -> Iterator[None]:
        """While it plays in certain envs.

        :param sizes: of their action space
        :param late: how to wait for what has not been answered there
        :param said: what is asked and advised in an env now
        """
        before = self.sizes
        self.sizes, self._late, self._said = before or sizes, late, said
        try:
            yield
        finally:
            self.sizes, self._late, self._said = before, None, None

    def following(self, env: int) -> tuple[str | None, ...] | None:
        """The options it is at in an env, one per action dimension; ``None`` if it knows none."""
        return None

    @property
    def weights(self) -> NDArray[np.float32]:
        """Float32 ``(n_envs, n_dims)``, of the priors it acted on last."""
        return self.rows.weight.reshape(len(self.rows.prior), -1)

    def __call__(self, obs: Any, infos: Infos, starts: NDArray[np.bool_]) -> NDArray[Any]:
        """One action per env."""
        sizes = self.sizes or (len(infos[0]["teacher_prior"]),)
        rows = read_priors(infos, sizes) if self._read is None else self._read(infos)
        if rows.pending and self._late is not None:
            for i, prior, weight in self._late(rows.pending):
                rows.prior[i], rows.weight[i] = prior, weight
        self.rows = rows
        parts = zip(split_dims(rows.prior, sizes), self.weights.T, strict=True)
        chosen = [act_on(prior, weight, self.deterministic, self._rng) for prior, weight in parts]
        return chosen[0] if len(sizes) == 1 else np.stack(chosen, axis=1)
