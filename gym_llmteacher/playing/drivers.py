"""Envs of several kinds, to be played in one way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.prior import Pending


@dataclass
class Stepped:
    """What a step of all envs gave.

    :param obs: the observations there are now
    :param infos: the infos that describe them
    :param rewards: float ``(n_envs,)``
    :param terminated: bool ``(n_envs,)``
    :param truncated: bool ``(n_envs,)``
    :param ends: the infos of the steps themselves, which tell how an episode ended
    :param starts: bool ``(n_envs,)``: whether an episode starts with these observations
    """

    obs: Any
    infos: Sequence[Mapping[str, Any]]
    rewards: NDArray[Any]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ends: Sequence[Mapping[str, Any]]
    starts: NDArray[np.bool_]


class Driver(ABC):
    """A number of envs that are stepped together."""

    n_envs: int
    live: NDArray[np.bool_]
    """Bool ``(n_envs,)``: whether the next step of an env is one of an episode."""
    seeds: list[int | None]
    """What the present episode of each env was seeded with."""
    action_space: Any

    @abstractmethod
    def start(self) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        """Reset all envs; observations and infos."""

    @abstractmethod
    def step(self, actions: NDArray[Any], last: NDArray[np.bool_]) -> Stepped:
        """Step all envs that are live; those whose episode ends begin another, if there is one.

        :param last: bool ``(n_envs,)``: whose episode is given up after this step. An env that
            resets by itself cannot be told to, and goes on where it is
        """

    @abstractmethod
    def said(self, i: int) -> Pending:
        """The situations of an env's present observation, and what is advised."""

    @abstractmethod
    def late(self, pending: Mapping[int, Pending]) -> Iterable[tuple[int, Any, Any]]:
        """Wait for late answers: env, prior and weight of those that have arrived."""

    def return_of(self, total: float, end: Mapping[str, Any]) -> float:
        """Return of an episode that the env has ended.

        :param total: sum of the rewards
        :param end: info of the last step
        """
        return total

    def own(self, rewards: NDArray[Any]) -> NDArray[Any]:
        """The rewards of the last step as the envs gave them, float ``(n_envs,)``.

        :param rewards: which a wrapper may have normalised
        """
        return rewards

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to play; envs that reset by themselves go on for ever."""
        return False

    def close(self) -> None:  # noqa: B027  (envs that were given stay open)
        """Close what was made here."""


class SeededEnvs(Driver):
    """Single envs, reset with one seed after the other until all have been played.

    :param make: makes an env
    :param seeds: one per episode
    :param n_envs: how many to step together, at most
    :param closes: whether `close` closes them
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        seeds: Sequence[int],
        n_envs: int,
        closes: bool = True,
    ) -> None:
        self.n_envs, self._closes = min(n_envs, len(seeds)), closes
        self.envs = [make() for _ in range(self.n_envs)]
        self.action_space = self.envs[0].action_space
        self._left = iter(seeds)
        self._obs: list[Any] = [None] * self.n_envs
        self._infos: list[Mapping[str, Any]] = [{}] * self.n_envs
        self.live = np.zeros(self.n_envs, dtype=np.bool_)
        self.seeds = [None] * self.n_envs

    def _begin(self, i: int) -> None:
        seed = next(self._left, None)
        self.live[i], self.seeds[i] = seed is not None, seed
        if seed is not None:
            self._obs[i], self._infos[i] = self.envs[i].reset(seed=seed)
        else:  # nobody needs to wait for what is not acted on
            self._infos[i] = {k: v for k, v in self._infos[i].items() if k != "teacher_pending"}

    def start(self) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        for i in range(self.n_envs):
            self._begin(i)
        return stacked(self._obs), self._infos

    def step(self, actions: NDArray[Any], last: NDArray[np.bool_]) -> Stepped:
        n = self.n_envs
        rewards, ends = np.zeros(n), list(self._infos)
        terminated, truncated, starts = (np.zeros(n, dtype=np.bool_) for _ in range(3))
        for i in np.flatnonzero(self.live).tolist():
            self._obs[i], rewards[i], terminated[i], truncated[i], ends[i] = self.envs[i].step(
                actions[i]
            )
            self._infos[i] = ends[i]
            if terminated[i] or truncated[i] or last[i]:
                starts[i] = True
                self._begin(i)
        # Envs that are done stay in the batch: an actor's memory is one place per env.
        obs = stacked(self._obs)
        return Stepped(obs, self._infos, rewards, terminated, truncated, ends, starts)

    @property
    def finished(self) -> bool:
        return not self.live.any()

    def said(self, i: int) -> Pending:
        env = self.envs[i]
        said = env.get_wrapper_attr("said")() if env.has_wrapper_attr("said") else Pending((), ())
        assert isinstance(said, Pending)
        return said

    def late(self, pending: Mapping[int, Pending]) -> Iterable[tuple[int, Any, Any]]:
        for i, asked in pending.items():
            yield from self.envs[i].get_wrapper_attr("late_priors")({i: asked})

    def close(self) -> None:
        for env in self.envs if self._closes else ():
            env.close()


def stacked(observations: list[Any]) -> Any:
    """Observations of several envs as one batch: an array, or a dict of arrays."""
    if isinstance(observations[0], dict):
        return {key: np.stack([o[key] for o in observations]) for key in observations[0]}
    return np.stack(observations)
