"""What happened while somebody played."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gym_llmteacher.advice import Advice
from gym_llmteacher.prior import Pending, first_applicable
from gym_llmteacher.situation import Situation

TERMINATED, TRUNCATED, CUT = "terminated", "truncated", "cut"


class About(NamedTuple):
    """What a question was about besides its text.

    :param task: of the situation
    :param state: of the situation
    :param needs: option that does something now, and the one subgoal that it leads to
    """

    task: str = ""
    state: str = ""
    needs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, situation: Situation) -> About:
        """Read it off a situation; an option that serves several subgoals tells of none."""
        able = situation.able
        leads: dict[str, set[str]] = {}
        for subgoal in situation.subgoals:
            first = next((option for option in subgoal.plan if option in able), None)
            if first is not None:
                leads.setdefault(first, set()).add(subgoal.name)
        needs = tuple((option, *names) for option, names in leads.items() if len(names) == 1)
        return cls(situation.task, situation.state, needs)  # type: ignore[arg-type]


class Step(NamedTuple):
    """One env step.

    :param keys: `Situation.key` of what was asked, one per action dimension; empty where nothing
        was
    :param texts: the same in words
    :param advices: what was said to it; ``None`` where nothing was said so far
    :param action: what was done then
    :param options: which option that was: what is advised and would have done the same; ``None``
        where it was none of them
    :param places: `Situation.place` of what was asked
    :param able: `Situation.able` of it
    :param about: the rest of it
    """

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    advices: tuple[Advice | None, ...]
    action: Any
    options: tuple[str | None, ...] = ()
    places: tuple[str, ...] = ()
    able: tuple[tuple[str, ...], ...] = ()
    about: tuple[About, ...] = ()

    @classmethod
    def of(cls, said: Pending, action: Any, options: tuple[str | None, ...] | None = None) -> Step:
        """Note down what was said, and what was done.

        :param options: what the player says it is at; ``None``: it does not
        """
        situations = said.situations
        keys, texts = tuple(s.key for s in situations), tuple(s.text for s in situations)
        if options is None:
            options = tuple(
                _followed(*each) for each in zip(*said, np.ravel(action).tolist(), strict=False)
            )
        places = tuple(s.place for s in situations)
        able = tuple(s.able for s in situations)
        about = tuple(map(About.of, situations))
        return cls(keys, texts, said.advices, np.array(action)[()], options, places, able, about)


def _followed(situation: Situation, advice: Advice | None, action: Any) -> str | None:
    """The most probable of the options advised that would have done this."""
    for plan, _ in sorted(advice.plans if advice else (), key=lambda pair: -pair[1]):
        option, row = first_applicable(plan, situation)
        if row is not None and row[int(action)] > 0:
            return option
    return None


@dataclass(frozen=True)
class Episode:
    """One episode.

    :param reward: return, the sum of rewards; in a VecEnv by ``Monitor``, where there is one
    :param length: env steps
    :param success: ``info["is_success"]`` at the end; ``None`` where the env does not say
    :param ended: ``"terminated"`` or ``"truncated"`` by the env, or ``"cut"`` after ``max_steps``
    :param seed: what the env was reset with; ``None`` if it reset itself, or went on after a cut
    :param env: number of the env
    :param steps: if they were to be noted down
    :param rewards: the reward of each of them, not normalised
    """

    reward: float
    length: int
    success: bool | None
    ended: str
    seed: int | None = None
    env: int = 0
    steps: tuple[Step, ...] = ()
    rewards: tuple[float, ...] = ()


@dataclass(frozen=True)
class Record:
    """Episodes, and how many env steps they took in all.

    :param episodes: seeded ones in the order they ended; those of vector envs env by env
    :param steps: env steps of all envs, those of unfinished episodes included
    :param advised: at how many of them a teacher that acts had advice; of several action
        dimensions each counts for its share. 0 where a student acts

    >>> record = Record((Episode(1.0, 5, True, "terminated"), Episode(0.0, 9, False, "truncated")))
    >>> record.success, record.mean_return, record.endings
    (0.5, 0.5, {'terminated': 1, 'truncated': 1})
    """

    episodes: tuple[Episode, ...]
    steps: int = 0
    advised: float = 0.0

    def by_words(self) -> Record:
        """The same, with what was said in the place of what was said and could be done."""
        return replace(self, episodes=tuple(map(_by_words, self.episodes)))

    @property
    def success(self) -> float:
        """Share of episodes with success; NaN where an env does not say."""
        values = [math.nan if e.success is None else float(e.success) for e in self.episodes]
        return float(np.mean(values)) if values else math.nan

    @property
    def returns(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Float64 ``(n_episodes,)``."""
        return np.array([episode.reward for episode in self.episodes], dtype=np.float64)

    @property
    def mean_return(self) -> float:
        """Mean of the returns."""
        return float(self.returns.mean()) if self.episodes else math.nan

    @property
    def variance(self) -> float:
        """Sample variance of the returns; 0 of fewer than two."""
        return float(self.returns.var(ddof=1)) if len(self.episodes) > 1 else 0.0

    @property
    def mean_length(self) -> float:
        """Mean of the lengths, in env steps."""
        lengths = [episode.length for episode in self.episodes]
        return float(np.mean(lengths)) if lengths else math.nan

    @property
    def coverage(self) -> float:
        """Share of env steps at which there was advice."""
        return self.advised / self.steps if self.steps else 0.0

    @property
    def endings(self) -> dict[str, int]:
        """How many episodes ended how."""
        return dict(Counter(episode.ended for episode in self.episodes))


def _by_words(episode: Episode) -> Episode:
    return replace(episode, steps=tuple(s._replace(places=s.keys) for s in episode.steps))
