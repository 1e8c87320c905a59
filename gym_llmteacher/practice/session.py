"""One session of practice, in envs of any kind: how long it lasts, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.playing.play import play
from gym_llmteacher.playing.record import Episode
from gym_llmteacher.practice.actor import PractisingActor

WINDOW = 20
"""Episodes over which a teacher is good enough."""
PATIENCE = 100
"""Episodes that have to be better than as many before."""
SETTLED = 5
"""Episodes in a row that found nothing new to try: there is no shorter way to be found."""
MOST_CURIOUS = 100
"""Episodes that look for shorter ways."""


class Session:
    """Plays until it is good enough, no longer gets better, or the steps are spent.

    :param experience: what is known; it grows with every episode
    :param steps: env steps at most, of all envs together
    :param enough: share of the last `WINDOW` episodes
    :param read: as of `TeacherActor`
    :param watch: called after every episode
    :param episodes: at most
    """

    def __init__(
        self,
        experience: Experience,
        steps: int,
        *,
        seed: int = 0,
        enough: float = 0.9,
        read: Callable[[Any], Rows] | None = None,
        watch: Callable[[int, Experience], None] | None = None,
        episodes: int | None = None,
    ) -> None:
        self.experience, self.steps, self.enough = experience, steps, enough
        self.episodes = math.inf if episodes is None else episodes
        self.seed, self._watch = seed, watch
        self.actor = PractisingActor(experience, np.random.default_rng(seed), read)
        self.won: list[bool] = []
        self.taught: list[bool] = []
        """Of the episodes that were played as they would be taught."""
        self._settled = self._curious = 0
        self._stopped = ""

    def run(self, env: Any, max_steps: int | None = None) -> dict[str, Any]:
        """Practise in an env, or in several, whose teacher puts priors into the infos.

        :param max_steps: per episode
        :return: ``steps``, ``episodes``, ``won_first`` and ``won_last`` (of `WINDOW` episodes),
            ``taught_last`` (of those that were played as they would be taught), and ``stopped``:
            ``"enough"``, ``"no better"``, ``"steps"`` or ``"episodes"``
        """
        seeded = hasattr(env, "unwrapped") and not hasattr(env, "num_envs")
        record = play(
            env, self.actor, self.steps, seed=self.seed if seeded else None,
            max_steps=max_steps, stop=self._over, texts=True, on_episode=self._learn,
        )  # fmt: skip
        self.experience.settle()
        first, last = self.won[:WINDOW], self.won[-WINDOW:]
        return {
            "steps": record.steps,
            "episodes": len(self.won),
            "won_first": float(np.mean(first)) if first else 0.0,
            "won_last": float(np.mean(last)) if last else 0.0,
            "taught_last": float(np.mean(self.taught[-WINDOW:])) if self.taught else 0.0,
            "stopped": self._stopped or "steps",
        }

    def _learn(self, episode: Episode) -> None:
        self.experience.add_episode(episode)
        won = self.experience.won(episode)
        self.won.append(won)
        if self.actor.reading[episode.env]:
            self.taught.append(won)
        elif self.actor.curious:
            self._curious += 1
            self._settled = 0 if self.actor.tried[episode.env] else self._settled + 1
        share = float(np.sum(self.won[-WINDOW:])) / WINDOW
        self.actor.curious = share >= 0.5 and not self._has_looked()
        # Who wins often is to show it without trying anything.
        self.actor.reading_share = share / 2 if self.actor.curious else share
        if self._watch is not None:
            self._watch(self.actor.steps, self.experience)

    def _has_looked(self) -> bool:
        """Whether shorter ways have been looked for."""
        return self._settled >= SETTLED or self._curious >= MOST_CURIOUS

    def _over(self, episodes: Sequence[Episode]) -> bool:
        won = self.won
        good = len(self.taught) >= WINDOW and np.mean(self.taught[-WINDOW:]) >= self.enough
        if good and self._has_looked():
            self._stopped = "enough"
        elif len(won) >= 2 * PATIENCE and self._no_better():
            self._stopped = "no better"
        elif self.actor.steps >= self.steps:
            self._stopped = "steps"
        elif len(won) >= self.episodes:
            self._stopped = "episodes"
        return bool(self._stopped)

    def _no_better(self) -> bool:
        """Whether what is won often enough to tell is not won more often than before."""
        before, now = sum(self.won[-2 * PATIENCE : -PATIENCE]), sum(self.won[-PATIENCE:])
        return PATIENCE / 2 <= now <= before
