"""Is a teacher worth following? It plays a few episodes before it teaches.

Wrong advice that is imitated can keep a student from ever seeing a reward, and nothing in the loss
tells wrong advice from right. What the teacher earns by itself does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper

from gym_llmteacher.action_dims import split_dims
from gym_llmteacher.errors import ScheduleError
from gym_llmteacher.learning.priors import Rows, act_on
from gym_llmteacher.sb3.infos import current_infos, first_infos
from gym_llmteacher.sb3.vec_teacher import VecTeacher

ENOUGH = 8
"""Episodes after which a teacher that always earns the same has shown what it can do."""

_LONGEST = 1_000
_ADVISED = 0.9
_SOLVED = 0.5
_ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class TeacherEval:
    """What a teacher earned by itself.

    Plain numbers: a student keeps them as a dict, so that once saved it needs no class of ours.

    :param episodes: how many it played
    :param mean_return: of them
    :param variance: of their returns
    :param success: share with ``info["is_success"]``; NaN where the env does not say
    :param coverage: share of env steps at which it had advice
    :param steps: env steps of all envs together
    """

    episodes: int
    mean_return: float
    variance: float
    success: float
    coverage: float
    steps: int

    def verdict(self, student: Sequence[float], steps: int) -> bool | None:
        """Whether to follow the teacher; ``None`` if it is too early to say.

        A teacher that solves half of its episodes is followed, and so is one that is silent at more
        than a tenth of the steps: that one cannot be judged by itself. Any other has to earn more
        than the student does untaught (Welch's test, one-sided, 95 %). A student that does not
        get to the end of as many episodes in four times the steps is judged by those it has.

        :param student: returns of the student's episodes
        :param steps: env steps the student has had

        >>> weak = TeacherEval(16, 0.2, 0.16, math.nan, 1.0, 400)
        >>> weak.verdict([0.0] * 15, 300), weak.verdict([0.0] * 16, 320)
        (None, True)
        >>> weak.verdict([0.1] * 16, 320)
        False
        """
        if self.success >= _SOLVED or self.coverage < _ADVISED:
            return True
        if len(student) < self.episodes and steps < 4 * self.steps:
            return None
        if len(student) < 2:
            return True
        error = math.sqrt(
            self.variance / self.episodes + float(np.var(student, ddof=1)) / len(student)
        )
        return self.mean_return - float(np.mean(student)) > _ONE_SIDED_95 * error


def checked_episodes(episodes: int) -> int:
    """Return the number of episodes.

    :raises ScheduleError: it cannot be one
    """
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 0:
        raise ScheduleError(
            f"teacher_eval_episodes is {episodes!r}, expected a whole number: 16, for example, or "
            "0 for no evaluation."
        )
    return episodes


def evaluate_teacher(
    env: VecEnv,
    sizes: tuple[int, ...],
    read: Callable[[Sequence[Mapping[str, Any]]], Rows],
    episodes: int,
    rng: np.random.Generator,
) -> TeacherEval:
    """Reset the envs and act on the priors; every env plays the same number of episodes.

    Returns are those of ``Monitor`` where there is one, so that they compare with the student's.
    Stops early when `ENOUGH` episodes have all given the same return. An episode of more than 1,000
    steps is counted with what it has given so far.

    :param sizes: options of each factor of the action
    :param read: the priors to act on, of infos
    :param episodes: at least so many in all
    """
    env.reset()
    rows = read(first_infos(env))
    rounds = math.ceil(episodes / env.num_envs)
    returns: list[list[float]] = [[] for _ in range(env.num_envs)]
    solved: list[list[float]] = [[] for _ in range(env.num_envs)]
    totals, lengths = np.zeros(env.num_envs), np.zeros(env.num_envs)
    steps, advised = 0, 0.0
    while (played := min(map(len, returns))) < rounds:
        first = [value for row in returns for value in row[:played]]
        if len(first) >= ENOUGH and np.ptp(first) == 0:
            break
        steps += env.num_envs
        advised += float(np.mean(rows.weight > 0)) * env.num_envs
        _, rewards, dones, infos = env.step(_actions(rows, sizes, rng))
        totals += rewards
        lengths += 1
        for i in np.flatnonzero(dones | (lengths >= _LONGEST)):
            returns[i].append(infos[i].get("episode", {}).get("r", totals[i]))
            solved[i].append(float(infos[i].get("is_success", math.nan)))
            totals[i] = lengths[i] = 0
        rows = read(current_infos(env, infos, dones))
    values = np.array([row[:played] for row in returns], dtype=np.float64).ravel()
    return TeacherEval(
        episodes=values.size,
        mean_return=float(values.mean()),
        variance=float(values.var(ddof=1)) if values.size > 1 else 0.0,
        success=float(np.mean([row[:played] for row in solved])),
        coverage=advised / steps,
        steps=steps,
    )


def _actions(rows: Rows, sizes: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    weights = rows.weight.reshape(len(rows.prior), -1)
    chosen = [
        act_on(prior, weight, False, rng)
        for prior, weight in zip(split_dims(rows.prior, sizes), weights.T, strict=True)
    ]
    return chosen[0] if len(sizes) == 1 else np.stack(chosen, axis=1)


def waited_for(env: VecEnv, rows: Rows) -> Rows:
    """Put late answers in, as far as they arrive in time."""
    teacher = unwrap_vec_wrapper(env, VecTeacher)
    if teacher is not None and rows.pending:
        for i, prior, weight in teacher.late_priors(rows.pending):
            rows.prior[i], rows.weight[i] = prior, weight
    return rows
