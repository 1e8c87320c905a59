"""How things are called in a mission, and which of them matter now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from minigrid.core.constants import COLOR_NAMES

from gym_llmteacher.groundings.minigrid.missions.agent_memory import AgentMemory
from gym_llmteacher.groundings.minigrid.missions.instructions import Phrase
from gym_llmteacher.groundings.minigrid.things import Look, Thing
from gym_llmteacher.groundings.minigrid.words import numbered

_ORDER = {"door": 0, "key": 1, "box": 2}


class ColorNames:
    """Names of colours in one episode.

    Colours that the mission names keep their names. The others only have to be told apart: they are
    numbered in order of appearance, and left out while there is only one.

    >>> names = ColorNames("go to the red ball")
    >>> names.meet(Look("key", "blue"))
    >>> names.of(Look("key", "blue")), names.of(Look("door", "red"))
    ('key', 'red door')
    >>> names.meet(Look("key", "grey"))
    >>> names.of(Look("key", "blue"))
    'color1 key'
    """

    def __init__(self, mission: str) -> None:
        self._named = {word for word in re.findall(r"\w+", mission) if word in COLOR_NAMES}
        self._met: list[str] = []

    def meet(self, look: Look) -> None:
        """Number the colour of a thing if it is new."""
        if look.kind != "goal" and look.color not in self._named and look.color not in self._met:
            self._met.append(look.color)

    def of(self, look: Look) -> str:
        """Kind of a thing and, where it matters, its colour."""
        if look.color in self._named:
            return f"{look.color} {look.kind}"
        return look.kind if look.kind == "goal" else numbered(look, self._met)


@dataclass
class Label:
    """Things that are called the same.

    :param name: how they are called
    :param named: whether the mission names them
    :param things: their numbers among all things known
    :param looks: what they look like
    """

    name: str
    named: bool
    things: list[int] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def add(self, number: int, look: Look) -> None:
        """One more thing of this name."""
        self.things.append(number)
        self.looks.append(look)

    @property
    def kinds(self) -> list[str]:
        """What kinds of things they are."""
        return sorted({look.kind for look in self.looks})

    def words(self) -> str:
        """As it is said that they are seen: ``red ball``, ``locked door``."""
        doors = [look for look in self.looks if look.kind == "door"]
        state = ""
        if doors and not any(not door.is_open and not door.is_locked for door in doors):
            state = "locked " if any(door.is_locked for door in doors) else "open "
        kinds = f" ({', '.join(self.kinds)})" if "object" in self.name else ""
        return f"{state}{self.name}{kinds}"

    def is_unlocked_by(self, held: Look | None) -> bool:
        """Whether what is held is the key to one of them."""
        return any(look.is_unlocked_by(held) for look in self.looks)


def what_matters(memory: AgentMemory, things: Sequence[Thing], names: ColorNames) -> list[Label]:
    """Labels of the things that the mission names, and of those that may be needed for it.

    When the mission could not be read, everything may matter.

    :param names: meets the colours of the things that the mission does not name
    """
    rows = memory.known_view.cells.shape[1]
    phrases = phrases_now(memory)
    labels: dict[str, Label] = {}
    unnamed: list[int] = []
    for i, (look, at) in enumerate(things):
        cell = divmod(at, rows)
        fitting = [phrase for phrase in phrases if memory.fits(phrase, look, cell)]
        for phrase in fitting:
            labels.setdefault(phrase.name, Label(phrase.name, named=True)).add(i, look)
        if not fitting and memory.groups:
            unnamed.append(i)
        elif not fitting:
            names.meet(look)
            name = names.of(look)
            labels.setdefault(name, Label(name, named=False)).add(i, look)
    useful = _useful(unnamed, things, memory.held)
    for i in useful:
        names.meet(things[i].look)
    for i in useful:
        name = names.of(things[i].look)
        labels.setdefault(name, Label(name, named=False)).add(i, things[i].look)
    return sorted(
        labels.values(),
        key=lambda label: (not label.named, _ORDER.get(label.kinds[0], 3), label.name),
    )


def name_of_held(memory: AgentMemory, names: ColorNames) -> str | None:
    """How what the agent holds is called."""
    held = memory.held
    if held is None:
        return None
    for phrase in phrases_now(memory):
        if memory.fits(phrase, held, memory.held_from):
            return phrase.name
    names.meet(held)
    return names.of(held)


def phrases_now(memory: AgentMemory) -> list[Phrase]:
    """Noun phrases of the instructions that may be carried out now, each once."""
    phrases = {}
    for one in memory.now:
        phrases[one.thing.name] = one.thing
        if one.beside is not None:
            phrases[one.beside.name] = one.beside
    return list(phrases.values())


def _useful(unnamed: list[int], things: Sequence[Thing], held: Look | None) -> list[int]:
    """Things that the mission does not name but that may be needed: whatever is locked."""
    locked = {thing.look.color for thing in things if thing.look.is_locked}
    keys = [thing.look for thing in things if thing.look.kind == "key"]
    opened = {look.color for look in (*keys, *([held] if held else [])) if look.kind == "key"}

    def is_useful(look: Look) -> bool:
        if look.kind == "door":
            return look.is_locked
        if look.kind == "key":
            return look.color in locked
        return look.kind == "box" and bool(locked - opened)

    return [i for i in unnamed if is_useful(things[i].look)]
