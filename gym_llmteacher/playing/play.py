"""Let a teacher or a student act for some episodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.playing.actors import Actor, HasPredict, StudentActor, TeacherActor
from gym_llmteacher.playing.drivers import Driver, SeededEnvs, VectorEnvs
from gym_llmteacher.playing.record import CUT, TERMINATED, TRUNCATED, Episode, Record, Step
from gym_llmteacher.teachers.base import Teacher

Player = Teacher | HasPredict | Actor | str


def play(
    env: Any,
    player: Player,
    episodes: int = 100,
    *,
    seed: int | None = None,
    deterministic: bool = False,
    n_envs: int = 16,
    max_steps: int | None = None,
    stop: Callable[[Sequence[Episode]], bool] | None = None,
    texts: bool = False,
) -> Record:
    """Let somebody act, and return what came of it. Every started episode counts, short or long.

    Of a function that makes envs, or a single env: exactly ``episodes`` episodes, seeded ``seed``,
    ``seed + 1``, ... Of a vector env, which resets by itself: every env plays the same number of
    episodes, ``episodes`` at least in all, and ``seed`` is that of its first reset.

    :param env: a function that makes a Gymnasium env, an env, an SB3 ``VecEnv`` or a Gymnasium
        ``VectorEnv``; those that are given stay open
    :param player: an SB3 model; a `Teacher`, which a single env is then wrapped with;
        ``"teacher"``: whoever put priors into the infos; or an `Actor`
    :param deterministic: take the most likely action, or draw one
    :param n_envs: how many envs of a function are stepped together
    :param max_steps: after so many steps an episode is counted with what it has given so far
    :param stop: asked after each step for the episodes that all envs have finished as many of, env
        by env; playing ends when it says so
    :param texts: note down what was asked, advised and done at every step
    :raises TeacherSpecError: ``env`` or ``player`` is none of these, a `Teacher` for a vector env,
        or fewer than one episode

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> record = play(lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...               ScriptedTeacher.named("door_key_planner"), episodes=4, texts=True)
        >>> record.success, record.endings, record.episodes[0].steps[0].texts
        (1.0, {'terminated': 4}, ('Agent sees <nothing>. Agent holds <nothing>.',))
    """
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 1:
        raise TeacherSpecError(f"episodes is {episodes!r}, expected a whole number of 1 or more.")
    driver, rounds = _driver(env, player, episodes, seed, n_envs)
    actor = _actor(player, deterministic, action_sizes(driver.action_space))
    if isinstance(actor, TeacherActor):
        actor.late = driver.late
    try:
        return _play(driver, actor, rounds, max_steps, stop, texts)
    finally:
        driver.close()


def _play(
    driver: Driver,
    actor: Actor,
    rounds: float,
    max_steps: int | None,
    stop: Callable[[Sequence[Episode]], bool] | None,
    texts: bool,
) -> Record:
    n = driver.n_envs
    played: list[list[Episode]] = [[] for _ in range(n)]
    noted: list[list[Step]] = [[] for _ in range(n)]
    totals, lengths, starts = np.zeros(n), np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_)
    obs, infos = driver.start()
    steps, advised = 0, 0.0
    while not driver.finished and (least := min(map(len, played))) < rounds:
        if stop is not None and stop([e for row in played for e in row[:least]]):
            break
        live, seeds = driver.live.copy(), list(driver.seeds)
        actions = actor(obs, infos, starts)
        steps += int(live.sum())
        if isinstance(actor, TeacherActor):
            advised += float((actor.weights > 0).mean(axis=1)[live].sum())
        for i in np.flatnonzero(live).tolist() if texts else ():
            noted[i].append(Step.of(driver.said(i), actions[i]))
        after = driver.step(actions)
        totals[live] += after.rewards[live]
        lengths[live] += 1
        over = after.terminated | after.truncated
        cut = ~over & live if max_steps is None else ~over & live & (lengths >= max_steps)
        ends = over if max_steps is None else over | cut
        starts = np.where(live, over, starts & ~live)
        for i in np.flatnonzero(ends & live).tolist():
            how = TERMINATED if after.terminated[i] else TRUNCATED if after.truncated[i] else CUT
            end = after.ends[i]
            reward = float(end["episode"]["r"]) if over[i] and "episode" in end else totals[i]
            success = end.get("is_success")
            played[i].append(
                Episode(
                    float(reward), int(lengths[i]), None if success is None else bool(success),
                    how, seeds[i], i, tuple(noted[i]),
                )
            )  # fmt: skip
            totals[i] = lengths[i] = 0
            noted[i] = []
        obs, infos = after.obs, after.infos
    least = min(map(len, played))
    kept = played if math.isinf(rounds) else [row[:least] for row in played]
    return Record(tuple(e for row in kept for e in row), steps, advised)


def _driver(
    env: Any, player: Player, episodes: int, seed: int | None, n_envs: int
) -> tuple[Driver, float]:
    """The envs, and how many episodes each of them plays."""
    teacher = player if isinstance(player, Teacher) else None
    if isinstance(env, gym.Env) or (callable(env) and not isinstance(env, VectorEnv)):
        single = isinstance(env, gym.Env)

        def make() -> gym.Env[Any, Any]:
            made: gym.Env[Any, Any] = env if isinstance(env, gym.Env) else env()
            if teacher is None:
                return made
            from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper

            return LLMTeacherWrapper(made, teacher)

        first = 0 if seed is None else seed
        seeds = range(first, first + episodes)
        driver = SeededEnvs(make, seeds, 1 if single else n_envs)
        if single:
            driver.close = lambda: None  # type: ignore[method-assign]  # it is the caller's
        return driver, math.inf
    if teacher is not None:
        raise TeacherSpecError(
            f"play got a {type(teacher).__name__} and a {type(env).__name__}; expected "
            '"teacher", with the teacher around the envs: VecTeacher(venv, teacher) or '
            "VectorTeacher(envs, teacher)."
        )
    if isinstance(env, VectorEnv):
        return VectorEnvs(env, seed), math.ceil(episodes / env.num_envs)
    if hasattr(env, "env_method") and hasattr(env, "num_envs"):
        from gym_llmteacher.sb3.vec_driver import VecEnvs

        return VecEnvs(env, seed), math.ceil(episodes / env.num_envs)
    raise TeacherSpecError(
        f"play got {env!r}, expected an env, a vector env, or a function that makes an env."
    )


def _actor(player: Player, deterministic: bool, sizes: tuple[int, ...]) -> Actor:
    if isinstance(player, Teacher) or player == "teacher":
        return TeacherActor(deterministic, sizes=sizes)
    if hasattr(player, "predict"):
        return StudentActor(player, deterministic)
    if callable(player):
        return player
    raise TeacherSpecError(
        f'the player is {player!r}, expected an SB3 model, a Teacher, "teacher", or a function '
        "(observations, infos, starts) -> actions."
    )
