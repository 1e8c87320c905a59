"""Let a teacher play, and say how its episodes ended and where they were lost."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.experience.followed import followed
from gym_llmteacher.intervals import wilson
from gym_llmteacher.playing.play import play
from gym_llmteacher.playing.record import Episode
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.decorator import TeacherDecorator
from gym_llmteacher.teachers.scripted import ScriptedTeacher

# How a lost episode is named when the teacher had nothing to say at its end.
_ENDINGS = {
    Abstention.INVALID_FORMAT: "invalid format",
    Abstention.UNKNOWN_OPTION: "invalid option",
    Abstention.REFUSED: "refused",
    Abstention.CONTEXT_LIMIT: "context limit",
    Abstention.TOKEN_LIMIT: "cut off",
    Abstention.TIMEOUT: "time-out",
    Abstention.ERROR: "error",
    Abstention.SERVER_DOWN: "error",
}


@dataclass(frozen=True)
class Spot:
    """One text, and what came of the episodes in which it was said.

    :param visits: episodes
    :param won: of them
    :param lost_here: lost episodes that ended here
    :param advice: the best plan and its probability, in words
    :param followed: what came of the options that were used: ``"go to key: 3 of 4 won"``
    """

    text: str
    visits: int
    won: int
    lost_here: int
    advice: str
    followed: str


class Said(NamedTuple):
    """What a teacher said, all in all.

    :param agreement: mean probability of the best plan, where there was advice
    :param advised: share of the steps at which there was advice
    :param totals: `Teacher.metrics` of these episodes alone
    :param seconds: of an answer that was not known before: median and 95th percentile
    """

    agreement: float
    advised: float
    totals: dict[str, float]
    seconds: tuple[float, float]


@dataclass(frozen=True)
class Check:
    """What a teacher did in one env.

    :param success: share of episodes won, in [0, 1]
    :param interval: 95 % (Wilson)
    :param mean_return: of all episodes
    :param endings: episodes by how they ended
    :param spots: worst first
    """

    env_id: str
    teacher: str
    episodes: int
    frames: int
    success: float
    interval: tuple[float, float]
    mean_return: float
    endings: dict[str, int]
    said: Said
    spots: tuple[Spot, ...]


class _Stopwatch(TeacherDecorator):
    """Notes how long answers take that were not known, and what was said."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__(teacher)
        self.seconds: list[float] = []
        self.said: dict[str, Advice] = {}

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        started = time.monotonic()
        advices = self.teacher.advise(situations)
        new = [s for s in situations if s.text not in self.said]
        if new:
            self.seconds.append((time.monotonic() - started) / len(new))
        self.said.update((s.text, a) for s, a in zip(situations, advices, strict=True))
        return advices


def check(
    make: Callable[[], gym.Env[Any, Any]],
    teacher: Teacher,
    name: str,
    episodes: int = 30,
    seed: int = 0,
    spots: int = 8,
) -> Check:
    """Let a teacher play by itself, at random from its prior, on given seeds.

    :param make: makes the env
    :param name: what the teacher is called in the report
    :param spots: how many texts to report, those where most episodes were lost first
    :raises ModelUnavailableError: the teacher cannot be asked at all

    >>> make = lambda: gym.make("LLMTeacher/SimpleDoorKey-v0")
    >>> found = check(make, ScriptedTeacher.named("door_key_planner"), "planner", episodes=4)
    >>> found.success, found.endings
    (1.0, {'completed': 4})
    """
    env = make()
    env_id = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    goal = env.spec.reward_threshold if env.spec is not None else None
    env.close()
    watched = _Stopwatch(teacher)
    before = teacher.metrics()
    record = play(make, watched, episodes, seed=seed, texts=True)
    # By the words alone: which options apply changes while one thing is said.
    known = Experience(goal=goal).add(record.by_words())
    came = followed(record, known.won)
    won = [known.won(episode) for episode in record.episodes]
    best = [max(p for _, p in a.plans) for a in watched.said.values() if a.plans]
    times = watched.seconds or [0.0]
    return Check(
        env_id, name, episodes, record.steps, float(np.mean(won)), wilson(sum(won), len(won)),
        record.mean_return,
        dict(Counter(map(_ending, record.episodes, won)).most_common()),
        Said(
            float(np.mean(best)) if best else math.nan,
            record.advised / max(record.steps, 1),
            {name: total - before.get(name, 0.0) for name, total in teacher.metrics().items()},
            (float(np.median(times)), float(np.percentile(times, 95))),
        ),
        tuple(
            Spot(place.text, place.episodes, place.won, place.last,
                 _advice(watched.said.get(place.text)),
                 ", ".join(f"{option}: {wins} of {tries} won"
                           for option, (wins, tries) in came.get(place.text, {}).items()))
            for place in known.worst(spots)
        ),
    )  # fmt: skip


def random_teacher() -> Teacher:
    """Has nothing to say, so that whoever follows it acts at random."""
    return ScriptedTeacher(lambda situation: Advice.abstain("random"))


def verdict(found: Check, chance: Check) -> str:
    """One sentence, and the next command to type.

    :param chance: of the random teacher, in the same env
    """
    where = f"--env {found.env_id} --teacher {found.teacher!r}"
    share = f"It solves {found.success:.0%}"
    if found.success >= 0.5:
        return f"{share}: it can teach. Next: gym-llmteacher train {where}"
    if found.said.advised == 0:
        why = next(iter(found.endings), "error")
        return f"It never had anything to say ({why}). Next: gym-llmteacher ask {where}"
    if found.interval[0] > chance.success:
        return (
            f"{share}, more than chance ({chance.success:.0%}): let it practise. Next: "
            f"gym-llmteacher practise {where}"
        )
    return (
        f"{share}, no more than chance ({chance.success:.0%}): look at the texts below, or try "
        f"another way of asking. Next: gym-llmteacher practise {where}"
    )


def _ending(episode: Episode, won: bool) -> str:
    if won:
        return "completed"
    said = [a for step in reversed(episode.steps) for a in step.advices if a is not None]
    if said and said[0].abstained:
        # A question that has just failed is not asked again at once: the reason stands before.
        for advice in said:
            if advice.reason in _ENDINGS:
                return _ENDINGS[advice.reason]
    return "lost" if episode.ended == "terminated" else "task limit reached"


def _advice(advice: Advice | None) -> str:
    if advice is None or not advice.plans:
        return "none" if advice is None else advice.source
    plan, probability = max(advice.plans, key=lambda pair: pair[1])
    return f"{', '.join(plan)} ({probability:.0%})"
