"""Play whole episodes with a student, or with a teacher alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.learning.priors import act_on

Actor = Callable[[Any, Sequence[dict[str, Any]], NDArray[np.bool_]], NDArray[np.int64]]
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


@dataclass(frozen=True)
class Evaluation:
    """Means over episodes; ``success`` is the share of episodes that ended with success."""

    success: float
    reward: float
    length: float
    episodes: int


def student_actor(model: HasPredict, deterministic: bool) -> Actor:
    """Act as the student does: sampled, or deterministic with the memory its policy has, if any."""
    state: Any = None

    def act(
        obs: Any, infos: Sequence[dict[str, Any]], starts: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        nonlocal state
        actions, state = model.predict(obs, state, starts, deterministic)
        return np.asarray(actions)

    return act


def teacher_actor(deterministic: bool, seed: int = 0) -> Actor:
    """Act on the prior in ``info``; where the teacher abstains, uniformly at random."""
    rng = np.random.default_rng(seed)

    def act(
        obs: Any, infos: Sequence[dict[str, Any]], starts: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        priors = np.stack([info["teacher_prior"] for info in infos]).astype(np.float64)
        weights = np.array([info["teacher_weight"] for info in infos])
        return act_on(priors, weights, deterministic, rng)

    return act


def evaluate(
    make_env: Callable[[], gym.Env[Any, Any]],
    actor: Actor,
    episodes: int = 200,
    seed: int = 10_000,
    n_envs: int = 16,
) -> Evaluation:
    """Play ``episodes`` episodes, seeded ``seed``, ``seed + 1``, ...

    Every started episode is finished and counted: no bias towards short ones.
    Success is ``info["is_success"]`` at the end, or a positive return where there is none.
    """
    n_envs = max(1, min(n_envs, episodes))
    envs = [make_env() for _ in range(n_envs)]
    left = iter(range(episodes))
    obs: list[Any] = [None] * n_envs
    infos: list[dict[str, Any]] = [{} for _ in envs]
    returns, lengths = np.zeros(n_envs), np.zeros(n_envs)
    live = [i for i, env in enumerate(envs) if _start(env, i, left, seed, obs, infos)]
    starts = np.ones(n_envs, dtype=np.bool_)
    results: list[tuple[float, float, float]] = []
    while live:
        # Envs that are done stay in the batch: an actor's memory is one place per env.
        actions = actor(_stack(obs), infos, starts)
        starts[:] = False
        for i in list(live):
            obs[i], reward, terminated, truncated, infos[i] = envs[i].step(actions[i])
            returns[i] += float(reward)
            lengths[i] += 1
            if terminated or truncated:
                success = infos[i].get("is_success", returns[i] > 0)
                results.append((float(success), returns[i], lengths[i]))
                returns[i] = lengths[i] = 0
                starts[i] = True
                if not _start(envs[i], i, left, seed, obs, infos):
                    live.remove(i)
    for env in envs:
        env.close()
    success_rate, mean_return, mean_length = np.mean(results, axis=0)
    return Evaluation(float(success_rate), float(mean_return), float(mean_length), len(results))


def _start(
    env: gym.Env[Any, Any],
    i: int,
    left: Any,
    seed: int,
    obs: list[Any],
    infos: list[dict[str, Any]],
) -> bool:
    number = next(left, None)
    if number is None:
        return False
    obs[i], infos[i] = env.reset(seed=seed + number)
    return True


def _stack(observations: list[Any]) -> Any:
    if isinstance(observations[0], dict):
        return {key: np.stack([o[key] for o in observations]) for key in observations[0]}
    return np.stack(observations)
