"""Let a teacher or a student act for some episodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.playing.actors import Actor, HasPredict, StudentActor, TeacherActor
from gym_llmteacher.playing.drivers import Driver, SeededEnvs
from gym_llmteacher.playing.record import CUT, TERMINATED, TRUNCATED, Episode, Record, Step
from gym_llmteacher.playing.vector_driver import VectorEnvs
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
    on_episode: Callable[[Episode], None] | None = None,
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
    :param max_steps: after so many steps an episode is counted with what it has given so far. A
        vector env cannot be told to reset one env: there the rest counts as the next episode
    :param stop: asked after each step for the episodes that all envs have finished as many of, env
        by env; playing ends when it says so
    :param texts: note down what was asked, advised and done at every step
    :param on_episode: called with every episode as soon as it is over
    :raises TeacherSpecError: ``env`` or ``player`` is none of these; a `Teacher` for a vector env,
        or for one that has a teacher; a number that cannot be
    :raises PriorError: a teacher is to act, and the infos have no priors

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> record = play(lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...               ScriptedTeacher.named("door_key_planner"), episodes=4, texts=True)
        >>> record.success, record.endings, record.episodes[0].steps[0].texts
        (1.0, {'terminated': 4}, ('Agent sees <nothing>. Agent holds <nothing>.',))
    """
    _check(episodes=episodes, n_envs=n_envs)
    if max_steps is not None:
        _check(max_steps=max_steps)
    if seed is not None:
        _check(least=0, seed=seed)
    actor = _actor(player, deterministic)
    driver, rounds = _driver(env, player, episodes, seed, n_envs)
    bound = (
        actor.playing(action_sizes(driver.action_space), driver.late, driver.said)
        if isinstance(actor, TeacherActor)
        else nullcontext()
    )
    try:
        with bound:
            watching = _Watching(stop, on_episode, texts)
            return _play(driver, actor, rounds, max_steps or math.inf, watching)
    finally:
        driver.close()


def _check(least: int = 1, **numbers: Any) -> None:
    for name, number in numbers.items():
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not whole or number < least:
            raise TeacherSpecError(
                f"{name} is {number!r}, expected a whole number of {least} or more."
            )


class _Watching(NamedTuple):
    stop: Callable[[Sequence[Episode]], bool] | None
    on_episode: Callable[[Episode], None] | None
    texts: bool


def _play(
    driver: Driver, actor: Actor, rounds: float, max_steps: float, watching: _Watching
) -> Record:
    stop, on_episode, texts = watching
    following = actor.following if isinstance(actor, TeacherActor) else lambda i: None
    n = driver.n_envs
    played: list[list[Episode]] = [[] for _ in range(n)]
    in_order: list[Episode] = []
    noted: list[list[Step]] = [[] for _ in range(n)]
    earned: list[list[float]] = [[] for _ in range(n)]
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
            noted[i].append(Step.of(driver.said(i), actions[i], following(i)))
        lengths[live] += 1
        last = live & (lengths >= max_steps)
        after = driver.step(actions, last)
        totals[live] += after.rewards[live]
        for i, reward in enumerate(driver.own(after.rewards).tolist()) if texts else ():
            earned[i].append(reward)
        over = after.terminated | after.truncated
        for i in np.flatnonzero(live & (over | last)).tolist():
            how = TERMINATED if after.terminated[i] else TRUNCATED if after.truncated[i] else CUT
            end, total = after.ends[i], float(totals[i])
            success = end.get("is_success")
            episode = Episode(
                driver.return_of(total, end) if over[i] else total, int(lengths[i]),
                None if success is None else bool(success), how, seeds[i], i, tuple(noted[i]),
                tuple(earned[i][: len(noted[i])]),
            )  # fmt: skip
            played[i].append(episode)
            in_order.append(episode)
            if on_episode is not None:
                on_episode(episode)
            totals[i] = lengths[i] = 0
            noted[i], earned[i] = [], []
        obs, infos, starts = after.obs, after.infos, after.starts
    if math.isinf(rounds):
        return Record(tuple(in_order), steps, advised)
    least = min(map(len, played))
    return Record(tuple(e for row in played for e in row[:least]), steps, advised)


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
            if made.has_wrapper_attr("puts_priors"):
                raise TeacherSpecError(
                    f"play got a {type(teacher).__name__} and an env that has a teacher already "
                    '(LLMTeacherWrapper), expected one of the two: play(env, "teacher"), or '
                    "an env without a teacher."
                )
            from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper

            return LLMTeacherWrapper(made, teacher)

        first = 0 if seed is None else seed
        seeds = range(first, first + episodes)
        return SeededEnvs(make, seeds, 1 if single else n_envs, closes=not single), math.inf
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


def _actor(player: Player, deterministic: bool) -> Actor:
    if isinstance(player, Teacher) or player == "teacher":
        return TeacherActor(deterministic)
    if hasattr(player, "predict"):
        return StudentActor(player, deterministic)
    if callable(player):
        return player
    raise TeacherSpecError(
        f'the player is {player!r}, expected an SB3 model, a Teacher, "teacher", or a function '
        "(observations, infos, starts) -> actions."
    )
