"""How well somebody plays, in four figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.playing.actors import Actor
from gym_llmteacher.playing.play import play
from gym_llmteacher.playing.record import Record
from gym_llmteacher.wrappers.success import SuccessInfo


@dataclass(frozen=True)
class Evaluation:
    """Means over episodes.

    :param success: share of episodes that ended with success; NaN where neither the env nor its
        grounding can tell (`gym_llmteacher.wrappers.success`)
    """

    success: float
    reward: float
    length: float
    episodes: int

    @classmethod
    def of(cls, record: Record) -> Evaluation:
        """The figures of a record."""
        rows = [
            (math.nan if e.success is None else e.success, e.reward, e.length)
            for e in record.episodes
        ]
        success, reward, length = np.mean(np.array(rows, dtype=np.float64), axis=0).tolist()
        return cls(success, reward, length, len(rows))


def evaluate(
    make_env: Callable[[], gym.Env[Any, Any]],
    actor: Actor,
    episodes: int = 200,
    seed: int = 10_000,
    n_envs: int = 16,
) -> Evaluation:
    """Play ``episodes`` episodes, seeded ``seed``, ``seed + 1``, ..."""

    def make() -> gym.Env[Any, Any]:
        return SuccessInfo(make_env())

    return Evaluation.of(play(make, actor, episodes, seed=seed, n_envs=n_envs))


def percent(share: float, digits: int = 1) -> str:
    """A share, for people.

    >>> percent(0.5), percent(math.nan)
    ('50.0%', '-')
    """
    return "-" if math.isnan(share) else f"{share:.{digits}%}"
