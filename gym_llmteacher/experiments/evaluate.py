"""How well somebody plays, in four figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.playing.actors import Actor
from gym_llmteacher.playing.play import play
from gym_llmteacher.playing.record import Record


@dataclass(frozen=True)
class Evaluation:
    """Means over episodes; ``success`` is the share of episodes that ended with success.

    Success is ``info["is_success"]`` at the end, or a positive return where there is none.
    """

    success: float
    reward: float
    length: float
    episodes: int

    @classmethod
    def of(cls, record: Record) -> Evaluation:
        """The figures of a record."""
        rows = [
            (e.reward > 0 if e.success is None else e.success, e.reward, e.length)
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
    return Evaluation.of(play(make_env, actor, episodes, seed=seed, n_envs=n_envs))
