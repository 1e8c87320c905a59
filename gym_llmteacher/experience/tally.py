"""What came of an option, and of a text."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from gym_llmteacher.playing.record import About

RECENT = 0.2
"""The least weight of the last episode in the averages that follow the recent ones."""
WON, LOST = "won", "lost"
"""Where an option led that was the last of its episode."""


@dataclass
class Tally:
    """What came of one option where one thing was said.

    An episode counts once, however often the option was used. It is won for the option by which
    this place was left for good, and lost for those that led back here: they may be part of a
    circle, and who only follows advice would stay in it.

    :param tries: episodes that it was used in
    :param wins: those of them that were won, and in which it was the way out
    :param returns: sum of their returns
    :param rate: share of wins in [0, 1], recent episodes counting more
    :param left: env steps from its first use to the success, recent wins counting more
    :param led: by place that it led to, or ``"won"`` or ``"lost"`` at the end: how often, and after
        how many env steps on average
    """

    tries: int = 0
    wins: int = 0
    returns: float = 0.0
    rate: float = 0.0
    left: float = 0.0
    led: dict[str, list[float]] = field(default_factory=dict)

    def add(self, won: bool, reward: float, left: int) -> None:
        """Count one episode.

        :param left: env steps from the first use to the end
        """
        self.tries += 1
        self.returns += reward
        self.rate += max(RECENT, 1 / self.tries) * (float(won) - self.rate)
        if won:
            self.wins += 1
            self.left += max(RECENT, 1 / self.wins) * (left - self.left)

    def lead(self, place: str, steps: float, times: float = 1) -> None:
        """Count where it led.

        >>> tally = Tally()
        >>> tally.lead("won", 4)
        >>> tally.lead("won", 6)
        >>> tally.led
        {'won': [2.0, 5.0]}
        """
        n, mean = self.led.get(place, (0.0, 0.0))
        self.led[place] = [n + times, mean + times * (steps - mean) / (n + times)]

    def value(self, horizon: float) -> float:
        """Success, discounted by the steps still to come: in [0, 1].

        :param horizon: env steps after which a success counts 1 / e

        >>> Tally(2, 1, 1.0, rate=0.5, left=0.0).value(33.0)
        0.5
        """
        return self.rate * math.exp(-self.left / horizon)

    def merge(self, other: Tally) -> None:
        """Add what somebody else has found."""
        tries, wins = self.tries + other.tries, self.wins + other.wins
        if tries:
            self.rate = (self.tries * self.rate + other.tries * other.rate) / tries
        if wins:
            self.left = (self.wins * self.left + other.wins * other.left) / wins
        self.tries, self.wins = tries, wins
        self.returns += other.returns
        for place, (n, steps) in other.led.items():
            self.lead(place, steps, n)


@dataclass
class Place:
    """What came of the episodes in which one thing was said.

    :param text: in words
    :param won: episodes
    :param lost: episodes
    :param endings: how many ended how (``"terminated"``, ``"truncated"``, ``"cut"``)
    :param last: lost episodes that ended here
    :param options: what came of the options that were used
    :param able: those that do something here, used or not
    :param about: the rest of what was asked
    :param value: discounted return from the first visit on, in the env's own rewards, recent
        episodes counting more; ``None``: unknown
    """

    text: str
    won: int = 0
    lost: int = 0
    endings: dict[str, int] = field(default_factory=dict)
    last: int = 0
    options: dict[str, Tally] = field(default_factory=dict)
    able: tuple[str, ...] = ()
    about: About = field(default_factory=About)
    value: float | None = None

    @property
    def episodes(self) -> int:
        """In which this was said."""
        return self.won + self.lost

    def earn(self, value: float) -> None:
        """Count the discounted return of one more episode, which is counted as won or lost."""
        before = value if self.value is None else self.value
        self.value = before + max(RECENT, 1 / self.episodes) * (value - before)

    def merge(self, other: Place) -> None:
        """Add what somebody else has found."""
        if other.value is not None:
            mine = self.episodes if self.value is not None else 0
            share = other.episodes / max(1, mine + other.episodes)
            self.value = (1 - share) * (self.value or 0.0) + share * other.value
        self.about = self.about if self.about.task or self.about.needs else other.about
        self.won += other.won
        self.lost += other.lost
        self.last += other.last
        self.able = self.able or other.able
        for how, times in other.endings.items():
            self.endings[how] = self.endings.get(how, 0) + times
        for option, tally in other.options.items():
            self.options.setdefault(option, Tally()).merge(tally)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Place:
        """Read what `dataclasses.asdict` made of one."""
        tallies = {option: Tally(**tally) for option, tally in values["options"].items()}
        able = tuple(map(str, values.get("able", ())))
        task, state, needs = values.get("about", About())
        about = About(str(task), str(state), tuple((str(o), str(name)) for o, name in needs))
        read = {"text": str(values["text"]), "options": tallies, "able": able, "about": about}
        return cls(**{**values, **read})

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
