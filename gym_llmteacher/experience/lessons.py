"""What worked in situations like this one: memory for a prompt."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.experience.similar import Similarity
from gym_llmteacher.experience.tally import Place
from gym_llmteacher.situation import Situation

K = 3


class Lesson(NamedTuple):
    """What worked where one thing was said.

    :param task: what was to be achieved
    :param text: the situation in words
    :param state: the short part of it
    :param options: what paid best, in the order in which it was done
    :param need: the subgoal that this served; empty if there is none, or several
    :param wins: episodes that it won
    :param tries: episodes that it was used in
    """

    task: str
    text: str
    state: str
    options: tuple[str, ...]
    need: str
    wins: int
    tries: int


class Lessons:
    """The situations that are most like a given one, and what worked there.

    A copy of what the experience says now: prompts, and with them the answers that are kept, do not
    change while the experience grows.

    :param experience: where something has paid, if anything has
    :param k: how many situations at most
    :param task: replaces what was to be achieved
    :raises TeacherSpecError: fewer than one

    >>> from gym_llmteacher.playing.record import Episode, Record, Step
    >>> step = Step(("a",), ("Agent sees <key>.",), (None,), 0, ("go to key",), ("a-1",))
    >>> won = Episode(1.0, 1, True, "terminated", steps=(step,))
    >>> lessons = Lessons(Experience().add(Record((won,))))
    >>> here = Situation("Agent sees <key>, <door>.", ("explore",), [[1.0]])
    >>> lessons.similar(here)[0].options
    ('go to key',)
    """

    def __init__(self, experience: Experience, k: int = K, task: str | None = None) -> None:
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise TeacherSpecError(f"memory has k={k!r}, expected a whole number of 1 or more.")
        self.k = k
        found = _lessons(experience)
        self.lessons = tuple(one if task is None else one._replace(task=task) for one in found)
        self._similarity = Similarity([_words(one.task, one.text) for one in self.lessons])

    def similar(self, situation: Situation) -> list[Lesson]:
        """The k situations that have most in common with this one, the most similar last.

        What stands last is what a language model heeds most.
        """
        alike = self._similarity.to(_words(situation.task, situation.text))
        ranked = sorted(
            zip(alike, self.lessons, strict=True),
            key=lambda pair: (-round(pair[0], 9), -pair[1].wins, pair[1]),
        )
        return [lesson for value, lesson in ranked[: self.k] if value > 0][::-1]


LessonsSpec = Lessons | Experience | Mapping[str, Any] | str | os.PathLike[str] | None


def lessons_of(spec: LessonsSpec, task: str | None = None) -> Lessons | None:
    """Read what a user wrote for ``memory``.

    :param spec: an `Experience`, the path of one that was saved, or a dict of ``"experience"`` (the
        path) and ``"k"``
    :param task: replaces what was to be achieved
    :raises TeacherSpecError: something else
    :raises ExperienceError: the file is none
    """
    if spec is None or isinstance(spec, Lessons):
        return spec
    if isinstance(spec, Experience):
        return Lessons(spec, task=task)
    if isinstance(spec, (str, os.PathLike)):
        return Lessons(Experience.load(spec), task=task)
    if isinstance(spec, Mapping) and "experience" in spec and set(spec) <= {"experience", "k"}:
        path = spec["experience"]
        known = path if isinstance(path, Experience) else Experience.load(path)
        return Lessons(known, spec.get("k", K), task)
    raise TeacherSpecError(
        f"memory is {spec!r}, expected an Experience, the path of one that was saved, or a dict "
        '{"experience": path, "k": 3}.'
    )


def _words(task: str, text: str) -> str:
    return f"{task} . {text}"


def _lessons(experience: Experience) -> Iterable[Lesson]:
    """One for each text in which something paid; where other options applied counts together."""
    by_text: dict[tuple[str, str], list[tuple[str, Place]]] = {}
    for key, place in experience.places.items():
        by_text.setdefault((place.about.task, place.text), []).append((key, place))
    for (task, text), places in sorted(by_text.items()):
        needs: Counter[str] = Counter()
        best: list[tuple[float, str, int, int]] = []
        for key, place in places:
            found = _best(experience, key, place)
            if found is None:
                continue
            option, tally = found, place.options[found]
            best.append((tally.left, option, tally.wins, tally.tries))
            needs[dict(place.about.needs).get(option, "")] += tally.wins
        if best:
            best.sort(key=lambda each: (-each[0], each[1]))
            options = tuple(dict.fromkeys(option for _, option, _, _ in best))
            named = {name: n for name, n in needs.items() if name}
            need = max(sorted(named), key=lambda name: named[name]) if named else ""
            wins, tries = sum(won for *_, won, _ in best), sum(used for *_, used in best)
            yield Lesson(task, text, places[0][1].about.state, options, need, wins, tries)


def _best(experience: Experience, key: str, place: Place) -> str | None:
    """The option that is worth most here, of those that have won; ``None`` if nothing has."""
    won = [option for option, tally in sorted(place.options.items()) if tally.wins]
    return max(won, key=lambda option: experience.value(key, option), default=None)
