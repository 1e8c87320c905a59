"""Envs of several kinds, to be played in one way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
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
    """

    obs: Any
    infos: Sequence[Mapping[str, Any]]
    rewards: NDArray[Any]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    ends: Sequence[Mapping[str, Any]]


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
    def step(self, actions: NDArray[Any]) -> Stepped:
        """Step all envs that are live; those whose episode ends begin another, if there is one."""

    @abstractmethod
    def said(self, i: int) -> Pending:
        """The situations of an env's present observation, and what is advised."""

    @abstractmethod
    def late(self, pending: Mapping[int, Pending]) -> Iterable[tuple[int, Any, Any]]:
        """Wait for late answers: env, prior and weight of those that have arrived."""

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
    :param n_envs: how many to step together
    """

    def __init__(self, make: Callable[[], gym.Env[Any, Any]], seeds: Sequence[int], n_envs: int):
        self.n_envs = max(1, min(n_envs, len(seeds)))
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

    def start(self) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        for i in range(self.n_envs):
            self._begin(i)
        return stacked(self._obs), self._infos

    def step(self, actions: NDArray[Any]) -> Stepped:
        n = self.n_envs
        rewards, ends = np.zeros(n), list(self._infos)
        terminated, truncated = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        for i in np.flatnonzero(self.live).tolist():
            action = actions[i]
            self._obs[i], rewards[i], terminated[i], truncated[i], ends[i] = self.envs[i].step(
                action
            )
            self._infos[i] = ends[i]
            if terminated[i] or truncated[i]:
                self._begin(i)
        # Envs that are done stay in the batch: an actor's memory is one place per env.
        return Stepped(stacked(self._obs), self._infos, rewards, terminated, truncated, ends)

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
        for env in self.envs:
            env.close()


class VectorEnvs(Driver):
    """A Gymnasium vector env, which resets by itself.

    :param env: with ``NEXT_STEP`` or ``SAME_STEP`` autoreset
    :param seed: of the first reset
    :raises ValueError: autoreset is disabled
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], seed: int | None) -> None:
        mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        if mode == AutoresetMode.DISABLED:
            raise ValueError("play got a vector env that does not reset by itself, expected one "
                             "with autoreset_mode NEXT_STEP or SAME_STEP.")  # fmt: skip
        self.env, self._seed, self._same_step = env, seed, mode == AutoresetMode.SAME_STEP
        self.n_envs, self.action_space = env.num_envs, env.single_action_space
        self.live = np.ones(self.n_envs, dtype=np.bool_)
        self.seeds = [None if seed is None else seed + i for i in range(self.n_envs)]

    def start(self) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        obs, infos = self.env.reset(seed=self._seed)
        return obs, self._split(infos)

    def step(self, actions: NDArray[Any]) -> Stepped:
        obs, rewards, terminated, truncated, infos = self.env.step(actions)
        over, rows = np.logical_or(terminated, truncated) & self.live, self._split(infos)
        ends = self._split(infos["final_info"]) if "final_info" in infos else rows
        if not self._same_step:
            self.live = ~over  # the step after an episode's end only resets
        self.seeds = [None if over[i] else seed for i, seed in enumerate(self.seeds)]
        return Stepped(
            obs, rows, np.asarray(rewards), terminated & over, truncated & over & ~terminated, ends
        )

    def _split(self, infos: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The info of each env; what an env did not give is left out."""
        rows: list[dict[str, Any]] = [{} for _ in range(self.n_envs)]
        for name, values in infos.items():
            if name.startswith("_"):
                continue
            if name == "teacher_pending":
                for i, asked in values.items():
                    rows[i][name] = asked
                continue
            there = infos.get(f"_{name}", np.ones(self.n_envs, dtype=np.bool_))
            if isinstance(values, np.ndarray) and len(values) == self.n_envs:
                for i in np.flatnonzero(there).tolist():
                    value = values[i]
                    scalar = isinstance(value, np.floating)
                    rows[i][name] = float(value) if scalar else value
        return rows

    def said(self, i: int) -> Pending:
        adviser = getattr(self.env, "adviser", None)
        if adviser is not None:
            said = adviser.said[i]
        elif hasattr(self.env, "call"):
            said = self.env.call("said")[i]
        else:
            said = Pending((), ())
        assert isinstance(said, Pending)
        return said

    def late(self, pending: Mapping[int, Pending]) -> Iterable[tuple[int, Any, Any]]:
        if hasattr(self.env, "late_priors"):
            for i, (prior, weight) in self.env.late_priors(pending).items():
                yield i, prior, weight


def stacked(observations: list[Any]) -> Any:
    """Observations of several envs as one batch: an array, or a dict of arrays."""
    if isinstance(observations[0], dict):
        return {key: np.stack([o[key] for o in observations]) for key in observations[0]}
    return np.stack(observations)
