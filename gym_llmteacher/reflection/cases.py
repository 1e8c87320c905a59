"""What was advised, what was tried, and what happened: by text, worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gym_llmteacher.advice import Advice
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.experience.followed import followed
from gym_llmteacher.experience.tally import Place, Tally
from gym_llmteacher.playing.record import Record

MOST_OPTIONS = 6


class Case(NamedTuple):
    """One text, and what came of the episodes in which it was said.

    :param task: what was to be achieved
    :param text: the situation in words
    :param advised: the best plan, in words; empty: nothing
    :param tried: option, wins and tries, the most tried first
    :param lost: episodes that were lost
    :param episodes: in which it was said
    """

    task: str
    text: str
    advised: str
    tried: tuple[tuple[str, int, int], ...]
    lost: int
    episodes: int

    def happened(self) -> str:
        """What was advised and what came of it, in a sentence or two.

        >>> Case("", "sees key", "explore", (("explore", 0, 4),), 4, 4).happened()
        'You advised: explore. 4 of 4 episodes were lost. Won of tried: explore 0/4.'
        """
        told = [f"You advised: {self.advised or 'nothing'}.",
                f"{self.lost} of {self.episodes} episodes were lost."]  # fmt: skip
        if self.tried:
            tallies = ", ".join(f"{option} {won}/{n}" for option, won, n in self.tried)
            told.append(f"Won of tried: {tallies}.")
        return " ".join(told)


def cases(
    record: Record, other: Experience | None = None, n: int = 5, goal: float | None = None
) -> list[Case]:
    """The texts that cost most episodes: those that lost ones ended at first.

    :param record: of the teacher, with texts
    :param other: what came of other options there
    :param goal: as of `Experience`
    """
    # By the words alone: which options apply changes while one thing is said.
    known = Experience(goal=goal).add(record.by_words())
    advices, came = advices_of(record), followed(record, known.won)
    elsewhere: dict[str, dict[str, Tally]] = {}
    for place in other.places.values() if other is not None else ():
        for option, tally in place.options.items():
            elsewhere.setdefault(place.text, {}).setdefault(option, Tally()).merge(tally)
    return [
        _case(place, advices.get(place.text), came.get(place.text, {}), elsewhere)
        for place in known.worst(n)
        if place.lost
    ]


def _case(
    place: Place,
    advice: Advice | None,
    came: Mapping[str, tuple[int, int]],
    elsewhere: Mapping[str, Mapping[str, Tally]],
) -> Case:
    plans: Sequence[tuple[tuple[str, ...], float]] = advice.plans if advice is not None else ()
    best = max(plans, key=lambda pair: pair[1])[0] if plans else ()
    tried = dict(came)
    for option, tally in elsewhere.get(place.text, {}).items():
        won, used = tried.get(option, (0, 0))
        tried[option] = (won + tally.wins, used + tally.tries)
    ranked = sorted(tried.items(), key=lambda pair: (-pair[1][1], pair[0]))
    return Case(
        place.about.task, place.text, ", ".join(best),
        tuple((option, won, used) for option, (won, used) in ranked[:MOST_OPTIONS]),
        place.lost, place.episodes,
    )  # fmt: skip


def advices_of(record: Record) -> dict[str, Advice]:
    """What was said to each text, last."""
    return {
        text: advice
        for episode in record.episodes
        for step in episode.steps
        for text, advice in zip(step.texts, step.advices, strict=True)
        if advice is not None
    }
