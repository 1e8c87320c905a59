"""Is a teacher worth following? It plays a few episodes before it teaches.

Wrong advice that is imitated can keep a student from ever seeing a reward, and nothing in the loss
tells wrong advice from right. What the teacher earns by itself does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.errors import StudentError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.playing.actors import TeacherActor
from gym_llmteacher.playing.play import play
from gym_llmteacher.playing.record import Episode

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

    @property
    def solved(self) -> bool:
        """Whether it solves half of its episodes; not where the env does not say."""
        return self.success >= _SOLVED

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
        if self.solved or self.coverage < _ADVISED:
            return True
        if len(student) < self.episodes and steps < 4 * self.steps:
            return None
        if len(student) < 2:
            return True
        error = math.sqrt(
            self.variance / self.episodes + float(np.var(student, ddof=1)) / len(student)
        )
        return self.mean_return - float(np.mean(student)) > _ONE_SIDED_95 * error


def earned_more(taught: Sequence[float], untaught: Sequence[float]) -> bool:
    """Whether one student earned more than the other: Welch's test, one-sided, 95 %.

    >>> earned_more([0.0] * 90 + [1.0] * 10, [0.0] * 16), earned_more([0.0] * 100, [0.0] * 16)
    (True, False)
    """
    if min(len(taught), len(untaught)) < 2:
        return False
    variance = sum(float(np.var(each, ddof=1)) / len(each) for each in (taught, untaught))
    return float(np.mean(taught) - np.mean(untaught)) > _ONE_SIDED_95 * math.sqrt(variance)


def checked_episodes(episodes: int) -> int:
    """Return the number of episodes.

    :raises StudentError: it cannot be one
    """
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 0:
        raise StudentError(
            f"teacher_eval_episodes is {episodes!r}, expected a whole number: 16, for example, or "
            "0 for no evaluation."
        )
    return episodes


def evaluate_teacher(
    env: VecEnv, actor: TeacherActor, episodes: int, experience: Experience | None = None
) -> TeacherEval:
    """Reset the envs and act on the priors; every env plays the same number of episodes.

    Returns are those of ``Monitor`` where there is one, so that they compare with the student's.
    Stops early when `ENOUGH` episodes have all given the same return. An episode of more than 1,000
    steps is counted with what it has given so far.

    :param actor: reads the priors and draws from them
    :param episodes: at least so many in all
    :param experience: where what comes of it is taken down
    """
    record = play(
        env, actor, episodes, max_steps=_LONGEST, stop=_says_enough, texts=experience is not None,
        on_episode=None if experience is None else experience.add_episode,
    )  # fmt: skip
    return TeacherEval(
        episodes=len(record.episodes),
        mean_return=record.mean_return,
        variance=record.variance,
        success=record.success,
        coverage=record.coverage,
        steps=record.steps,
    )


def _says_enough(episodes: Sequence[Episode]) -> bool:
    return len(episodes) >= ENOUGH and len({episode.reward for episode in episodes}) == 1
