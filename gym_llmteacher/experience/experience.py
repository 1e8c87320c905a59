"""What advice led to, by what was asked."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gym_llmteacher.errors import ExperienceError
from gym_llmteacher.experience.origin import Origin
from gym_llmteacher.experience.tally import LOST, RECENT, WON, Place, Tally
from gym_llmteacher.experience.values import Values
from gym_llmteacher.playing.record import Episode, Record

FORMAT = 1
SHORTEST = 33.0
"""A discount of 0.97 per step: what is shorter needs none."""


class Experience:
    """What advice led to: of every `Situation.place`, its options and what came of them.

    Filled from what `play` took down (``texts=True``), of any teacher in envs of any kind. A JSON
    file to be read, shared and merged; it belongs to an env family, a grounding and its version.

    :param origin: of its episodes; ``None``: it fits everywhere
    :param goal: return from which an episode of an env that does not tell of success is won;
        ``None``: any above 0
    :param discount: γ of `Place.value`, per env step

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import ScriptedTeacher, play
        >>> record = play(lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...               ScriptedTeacher.named("door_key_planner"), 4, texts=True)
        >>> experience = Experience().add(record)
        >>> experience.episodes, experience.wins
        (4, 4)
        >>> carrying = "Agent sees <door>. Agent holds <key>."
        >>> place = next(p for p in experience.places.values() if p.text == carrying)
        >>> sorted(place.options)
        ['go to door']

    Change log: 0.1.0 - added.
    """

    def __init__(
        self, origin: Origin | None = None, goal: float | None = None, discount: float = 0.99
    ) -> None:
        self.origin, self.goal, self.discount = origin, goal, discount
        self.places: dict[str, Place] = {}
        """By `Situation.place`: what was said, and which options applied."""
        self.episodes = self.wins = self.steps = 0
        self.lost_in_a_row = 0
        self.length = 0.0
        """Env steps of won episodes, recent ones counting more."""
        self.values = Values(self.places)

    def won(self, episode: Episode) -> bool:
        """Whether an episode counts as a success."""
        if episode.success is not None:
            return episode.success
        return episode.reward > 0 if self.goal is None else episode.reward >= self.goal

    def score(self, episode: Episode) -> float:
        """What tells better from worse: success, or the return where an env does not say."""
        return episode.reward if episode.success is None else float(episode.success)

    def add(self, record: Record) -> Experience:
        """Take in episodes; returns itself."""
        for episode in record.episodes:
            self.add_episode(episode)
        return self

    def add_episode(self, episode: Episode) -> None:
        """Take in one episode, whose steps were noted down."""
        won = self.won(episode)
        self.episodes += 1
        self.steps += episode.length
        self.lost_in_a_row = 0 if won else self.lost_in_a_row + 1
        if won:
            self.wins += 1
            self.length += max(RECENT, 1 / self.wins) * (episode.length - self.length)
        said = [
            (time, *pair)
            for time, step in enumerate(episode.steps)
            for pair in zip(step.places, step.texts, step.options, strict=True)
        ]
        self._visit(episode, won)
        if said and not won:
            self.places[said[-1][1]].last += 1
        first: dict[tuple[str, str], int] = {}
        way_out: dict[str, str] = {}
        for time, key, _, option in said:
            if option is not None:
                first.setdefault((key, option), time)
                way_out[key] = option
        for (key, option), time in first.items():
            tally = self.places[key].options.setdefault(option, Tally())
            tally.add(won and way_out[key] == option, episode.reward, episode.length - time)
        for dim in range(max((len(step.places) for step in episode.steps), default=0)):
            self._back_up(episode, dim, won)

    def _visit(self, episode: Episode, won: bool) -> None:
        """Count an episode for the places that it was in."""
        ahead = _discounted(episode.rewards, self.discount)
        seen: set[str] = set()
        for time, step in enumerate(episode.steps):
            for dim, key in enumerate(step.places):
                place = self.places.setdefault(key, Place(step.texts[dim]))
                place.able = step.able[dim] if step.able else place.able
                place.about = step.about[dim] if step.about else place.about
                if key in seen:
                    continue
                seen.add(key)
                place.won += won
                place.lost += not won
                place.endings[episode.ended] = place.endings.get(episode.ended, 0) + 1
                if ahead:
                    place.earn(ahead[time])

    def _back_up(self, episode: Episode, dim: int, won: bool) -> None:
        """Note where options led, and what that is worth, backwards along the episode."""
        runs: list[tuple[str, str | None, int]] = []  # place, option, since when
        for time, step in enumerate(episode.steps):
            if len(step.places) > dim:
                here = (step.places[dim], step.options[dim])
                if not runs or runs[-1][:2] != here:
                    runs.append((*here, time))
        after, ends = WON if won else LOST, episode.length
        for key, option, time in reversed(runs):
            if option is not None:
                self.places[key].options[option].lead(after, ends - time)
            self.values.back_up(key, self.horizon)
            after, ends = key, time

    def value(self, key: str, option: str) -> float:
        """Discounted success of an option at a `Situation.place`, in [0, 1]; NaN: unknown."""
        return self.values.option(key, option, self.horizon)

    def settle(self) -> None:
        """Work out what everything is worth anew: the same from a file as from memory."""
        self.values.settle(self.horizon)

    def tally(self, key: str, option: str) -> Tally:
        """What came of an option at a `Situation.place`; an empty one where it was never used."""
        place = self.places.get(key)
        return (place.options.get(option) if place else None) or Tally()

    @property
    def horizon(self) -> float:
        """Env steps after which a success counts 1 / e: longer where episodes are long."""
        return max(SHORTEST, 0.7 * self.length)

    def worst(self, n: int = 10) -> list[Place]:
        """Where most episodes were lost: those that ended there first."""
        return sorted(self.places.values(), key=lambda p: (-p.last, -p.lost, p.text))[:n]

    def check_fits(self, origin: Origin) -> None:
        """Check that this was experienced in such an env.

        :raises ExperienceError: elsewhere
        """
        if self.origin is not None and self.origin != origin:
            raise ExperienceError(
                f"this experience is of {self.origin}; expected that of {origin}: the same words "
                "would not mean the same. Cure: let the teacher practise there, or give it the "
                "experience of this env."
            )

    def merge(self, other: Experience) -> Experience:
        """Add the experience of somebody else in the same env; returns itself.

        :raises ExperienceError: of another env
        """
        if other.origin is not None:
            self.check_fits(other.origin)
        self.origin = self.origin or other.origin
        wins = self.wins + other.wins
        if wins:
            self.length = (self.wins * self.length + other.wins * other.length) / wins
        self.wins = wins
        self.episodes += other.episodes
        self.steps += other.steps
        self.lost_in_a_row = min(self.lost_in_a_row, other.lost_in_a_row)
        for key, place in other.places.items():
            self.places.setdefault(key, Place(place.text)).merge(place)
        self.settle()
        return self

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        names = ("goal", "discount", "episodes", "wins", "steps", "lost_in_a_row", "length")
        return {
            "format": FORMAT,
            "origin": None if self.origin is None else self.origin._asdict(),
            **{name: getattr(self, name) for name in names},
            "places": {key: place.as_dict() for key, place in self.places.items()},
        }

    @classmethod
    def from_dict(cls, values: Any) -> Experience:
        """Read what `as_dict` wrote.

        :raises ExperienceError: it is something else
        """
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r}")
            origin = values["origin"]
            found = cls(None if origin is None else Origin(**origin), values["goal"])
            for name in ("episodes", "wins", "steps", "lost_in_a_row"):
                setattr(found, name, int(values[name]))
            found.length = float(values["length"])
            found.discount = float(values.get("discount", found.discount))
            places = values["places"].items()
            found.places.update({key: Place.from_dict(place) for key, place in places})
            found.settle()
            tallies = (t.value(SHORTEST) for t in found._tallies())
            worth = (float(p.value or 0.0) for p in found.places.values())
            numbers = [found.length, found.discount, *tallies, *worth, *found.values.of.values()]
            if not all(map(math.isfinite, numbers)):
                raise ValueError("a number that is not finite")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ExperienceError(
                f"this is no experience ({type(error).__name__}: {error}); expected the JSON that "
                f"Experience.save wrote, format {FORMAT}. Cure: let the teacher practise anew."
            ) from None
        return found

    def _tallies(self) -> list[Tally]:
        return [tally for place in self.places.values() for tally in place.options.values()]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file; a crash leaves the old one or the new one."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f"{target.name}.new")
        new.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        new.replace(target)

    @classmethod
    def load(cls, path: str | os.PathLike[str], origin: Origin | None = None) -> Experience:
        """Read a file that `save` wrote.

        :param origin: of the env it is for
        :raises ExperienceError: it is no such file, or of another env
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ExperienceError(
                f"{os.fspath(path)} cannot be read ({error}); expected the JSON that "
                "Experience.save wrote. Cure: check the path."
            ) from None
        found = cls.from_dict(values)
        if origin is not None:
            found.check_fits(origin)
        return found


def _discounted(rewards: Sequence[float], discount: float) -> list[float]:
    """Discounted return from each step on."""
    ahead, total = [], 0.0
    for reward in reversed(rewards):
        total = reward + discount * total
        ahead.append(total)
    return ahead[::-1]
