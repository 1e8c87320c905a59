"""Who acts while a teacher practises: options, tried and kept to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.advice import Advice
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.playing.actors import Infos, TeacherActor
from gym_llmteacher.practice.choosing import choose, floor_of, practised, table_of
from gym_llmteacher.prior import first_applicable
from gym_llmteacher.situation import Situation

HOLD = 15
"""Env steps after which an option that has changed nothing is reconsidered."""
NEW = 4
"""Options never tried before that an episode tries, once episodes are won."""


class _Held:
    """The option that one action dimension of one env is at."""

    def __init__(self) -> None:
        self.option: str | None = None
        self.key = ""
        self.left = 0
        self.used: Counter[tuple[str, str]] = Counter()


class PractisingActor(TeacherActor):
    """Tries options by what has come of them so far; the teacher's advice is the prior.

    An option is kept until the situation reads differently, it is done, or `HOLD` steps have
    passed. Nothing is learned here: `experience` is, after every episode.

    :param experience: what is known
    :param rng: generator of its own, or a seed of one
    :param read: as of `TeacherActor`; its rows say which actions are possible (above 0)
    """

    def __init__(
        self,
        experience: Experience,
        rng: np.random.Generator | int = 0,
        read: Callable[[Any], Rows] | None = None,
    ) -> None:
        super().__init__(False, rng, read=read)
        self.experience = experience
        self.steps = 0
        """Env steps so far, of all envs."""
        self.reading: dict[int, bool] = {}
        """By env: whether this episode is played as it would be taught, and nothing is tried."""
        self.reading_share = 0.0
        """Of episodes to come."""
        self.curious = False
        """Whether episodes are won, so that what was never tried may be a shorter way."""
        self.tried: dict[int, int] = {}
        """By env: options of this episode that were never tried before."""
        self._since: set[tuple[str, str]] = set()
        """Places and options that were tried since it is curious."""
        self._held: dict[int, list[_Held]] = {}

    def following(self, env: int) -> tuple[str | None, ...]:
        return tuple(held.option for held in self._held[env])

    def __call__(self, obs: Any, infos: Infos, starts: NDArray[np.bool_]) -> NDArray[Any]:
        fallback = super().__call__(obs, infos, starts)  # waits for late answers
        assert self._said is not None
        assert self.sizes is not None
        self.steps += len(infos)
        actions = np.array(fallback).reshape(len(infos), len(self.sizes))
        for i in range(len(infos)):
            said = self._said(i)
            if starts[i] or i not in self._held:
                self._held[i] = [_Held() for _ in self.sizes]
                self.reading[i] = bool(self._rng.random() < self.reading_share)
                self.tried[i] = 0
            for dim, (situation, advice) in enumerate(zip(*said, strict=True)):
                row = self._row(i, dim, situation, advice)
                if row is not None:
                    actions[i, dim] = self._rng.choice(len(row), p=row)
        return actions[:, 0] if len(self.sizes) == 1 else actions

    def _row(
        self, env: int, dim: int, situation: Situation, advice: Advice | None
    ) -> NDArray[np.float64] | None:
        """What the option does now, float64 ``(n_actions,)``; ``None`` where none applies."""
        held = self._held[env][dim]
        if self.reading[env]:
            return self._read_out(held, situation, advice)
        held.left -= 1
        row = None
        if held.key == situation.key and held.left > 0:
            row = _row_of(situation, held.option)
        if row is None:
            table = table_of(situation, advice, self.experience, floor_of(self.experience))
            used = [self._used(situation.place, option) for option in table.options]
            held.option = self._something_new(env, situation) or choose(table, used, self._rng)
            held.key, held.left = situation.key, HOLD
            if held.option is not None:
                if self.curious:
                    self._since.add((situation.place, held.option))
                held.used[situation.place, held.option] += 1
            row = _row_of(situation, held.option)
        return row

    def _something_new(self, env: int, situation: Situation) -> str | None:
        if not self.curious or self.tried[env] >= NEW:
            return None
        place = situation.place
        new = [option for option in situation.able if (place, option) not in self._since]
        if not new:
            return None
        option = new[int(self._rng.integers(len(new)))]
        self._since.add((place, option))
        self.tried[env] += 1
        return option

    def _read_out(
        self, held: _Held, situation: Situation, advice: Advice | None
    ) -> NDArray[np.float64] | None:
        """As `PractisedTeacher` advises now, drawn anew at every step as a student would."""
        said = Advice.abstain("not answered yet") if advice is None else advice
        told = practised(table_of(situation, said, self.experience), said)
        held.option = None
        if told.plans:
            shares = [probability for _, probability in told.plans]
            drawn = self._rng.choice(len(shares), p=np.array(shares) / sum(shares))
            held.option, _ = first_applicable(told.plans[drawn][0], situation)
        return _row_of(situation, held.option)

    def _used(self, key: str, option: str) -> float:
        """Tries that nobody knows the outcome of yet."""
        return sum(held.used[key, option] for dims in self._held.values() for held in dims)


def _row_of(situation: Situation, option: str | None) -> NDArray[np.float64] | None:
    if option is None or option not in situation.options:
        return None
    row = np.asarray(situation.option_actions[situation.options.index(option)], dtype=np.float64)
    return row / row.sum() if row.any() else None
