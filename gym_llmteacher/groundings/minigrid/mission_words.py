"""What an agent with a mission sees, in words: pure functions of looks, whatever their places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from minigrid.core.constants import COLOR_NAMES

from gym_llmteacher.advice import Plan
from gym_llmteacher.groundings.minigrid.missions import Instruction
from gym_llmteacher.groundings.minigrid.words import Look
from gym_llmteacher.situation import Subgoal

MOVABLE = ("key", "ball", "box")


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
        if len(self._met) < 2 or look.kind == "goal":
            return look.kind
        return f"color{self._met.index(look.color) + 1} {look.kind}"


@dataclass
class Label:
    """Things that are called the same.

    :param name: how they are called
    :param things: their numbers among all things known
    :param looks: what they look like
    :param named: whether the mission names them
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
        """As it is said that they are seen: ``<red ball>``, ``<locked door>``."""
        doors = [look for look in self.looks if look.kind == "door"]
        state = ""
        if doors and not any(not door.is_open and not door.is_locked for door in doors):
            state = "locked " if any(door.is_locked for door in doors) else "open "
        kinds = f" ({', '.join(self.kinds)})" if "object" in self.name else ""
        return f"<{state}{self.name}{kinds}>"

    def opened_by(self, held: Look | None) -> bool:
        """Whether what is held is the key to one of them."""
        return any(
            look.is_locked and held is not None and held.kind == "key" and held.color == look.color
            for look in self.looks
        )


@dataclass(frozen=True)
class View:
    """Everything the words depend on.

    :param mission: what is left to be done, in words
    :param now: instructions that may be carried out now
    :param labels: what is seen and matters
    :param held: what the agent holds
    :param held_name: how that is called
    :param blocking: how the thing in the way is called
    :param exploring: whether anything in reach is unseen
    :param say_done: whether the mission ends by saying so
    """

    mission: str
    now: Sequence[Instruction]
    labels: Sequence[Label]
    held: Look | None
    held_name: str
    blocking: str | None
    exploring: bool
    say_done: bool

    def text(self) -> str:
        """The situation in words."""
        sees = ", ".join(label.words() for label in self.labels) or "<nothing>"
        parts = [
            f"Mission: {self.mission}{' and say done' if self.say_done else ''}.",
            f"Agent sees {sees}.",
            f"Agent holds <{self.held_name}>.",
        ]
        opened = [label.name for label in self.labels if label.opened_by(self.held)]
        parts += [f"It fits <{name}>." for name in opened]
        if self.blocking:
            parts.append(f"In the way: <{self.blocking}>.")
        if not self.exploring:
            parts.append("Nothing is left to explore.")
        return " ".join(parts)

    def options(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Per option: the name of the method of `RoomSkills`, and its targets among all things."""
        options: dict[str, tuple[str, tuple[int, ...]]] = {}
        if self.exploring:
            options["explore"] = ("explore", ())
        for label in self.labels:
            pairs = list(zip(label.things, label.looks, strict=True))
            options[f"go to {label.name}"] = ("go_to", self._places(label, pairs))
            movable = tuple(number for number, look in pairs if look.kind in MOVABLE)
            if movable and self.held is None:
                options[f"pick up {label.name}"] = ("pick_up", movable)
            openable = tuple(number for number, look in pairs if self._opens(label, look))
            if openable:
                options[f"open {label.name}"] = ("open", openable)
        if self.blocking:
            options[f"go to {self.blocking}"] = ("go_to", (-1,))
            if self.held is None:
                options[f"pick up {self.blocking}"] = ("pick_up", (-1,))
        if self.held is not None:
            options[f"drop {self.held_name}"] = ("drop", ())
            for one in self.now:
                beside = self._label(one.beside.name) if one.beside else None
                if one.thing.name == self.held_name and beside:
                    name = f"put {self.held_name} {one.how} {beside.name}"
                    options[name] = ("put_beside", tuple(beside.things))
        if self.say_done:
            options["done"] = ("done", ())
        return options

    def _places(self, label: Label, pairs: list[tuple[int, Look]]) -> tuple[int, ...]:
        """Where to go for it: of doors to be opened, to one that is shut and can be."""
        if any(one.verb == "open" and one.thing.name == label.name for one in self.now):
            shut = [i for i, look in pairs if not look.is_open and self._opens(label, look)]
            return tuple(shut or label.things)
        return tuple(label.things)

    def _opens(self, label: Label, look: Look) -> bool:
        if look.kind == "box":
            return not label.named  # a box is gone when it is opened
        if look.kind != "door":
            return False
        if look.is_locked:
            return Label("", False, [0], [look]).opened_by(self.held)
        return label.named or not look.is_open

    def _label(self, name: str) -> Label | None:
        return next((label for label in self.labels if label.name == name), None)

    def subgoals(self) -> tuple[Subgoal, ...]:
        """What may be needed next, and how to get it from here."""
        empty: Plan = () if self.held is None else (f"drop {self.held_name}",)
        plans: dict[str, Plan] = {}
        for one in self.now:
            holding = one.verb == "put" and one.thing.name == self.held_name
            phrase = one.beside if holding and one.beside else one.thing
            name = phrase.name
            if self._label(name) is None:
                plans[name] = ()
            elif holding:
                plans[name] = (f"put {self.held_name} {one.how} {name}",)
            elif one.verb in ("pick up", "put"):
                plans[name] = (*empty, f"go to {name}", f"pick up {name}")
            elif one.verb == "open":
                plans[name] = (f"go to {name}", f"open {name}") if self._can_open(name) else ()
            else:
                plans[name] = (f"go to {name}", *(("done",) if self.say_done else ()))
        for label in self.labels:
            if label.name in plans or label.named:
                continue  # where a thing is to be put is of no use before it is held
            if label.kinds == ["key"]:
                plans[label.name] = (*empty, f"go to {label.name}", f"pick up {label.name}")
            elif label.opened_by(self.held):
                plans[label.name] = (f"go to {label.name}", f"open {label.name}")
        if self._locked and self._key == "key":
            plans.setdefault("key", self._uncover(empty))
        if self.blocking:
            plans[self.blocking] = (*empty, f"go to {self.blocking}", f"pick up {self.blocking}")
        options = self.options()
        explore = ("explore",) if self.exploring else ()
        return tuple(
            Subgoal(name, kept)
            for name, plan in plans.items()
            if (kept := (*(option for option in _possible(plan, options)), *explore))
        )

    def task(self) -> str:
        """The mission, and what has to come first as far as that is known."""
        if self.blocking:
            return f"get the {self.blocking}, then {self.mission}"
        if self._locked is None:
            return self.mission
        opening = "" if self._locked.named else f"then open the {self._locked.name}, "
        return f"get the {self._key}, {opening}then {self.mission}"

    def state(self) -> str:
        """The short part that decides what is needed next."""
        if self.held is None:
            return "The agent holds nothing."
        opens = any(label.opened_by(self.held) for label in self.labels)
        puts = any(one.verb == "put" and one.thing.name == self.held_name for one in self.now)
        useful = (opens or puts) and not self.blocking
        return f"The agent holds {f'the {self.held_name}' if useful else 'nothing useful'}."

    @property
    def _locked(self) -> Label | None:
        """The locked door to be opened: the one whose key is held, or else the first."""
        locked = [label for label in self.labels if any(look.is_locked for look in label.looks)]
        fitting = [label for label in locked if label.opened_by(self.held)]
        return next(iter(fitting or locked), None)

    @property
    def _key(self) -> str:
        """How the key to it is called, or would be."""
        if self._locked is not None and self._locked.opened_by(self.held):
            return self.held_name
        keys = (label.name for label in self.labels if label.kinds == ["key"] and not label.named)
        return next(keys, "key")

    def _can_open(self, name: str) -> bool:
        label = self._label(name)
        return label is not None and any(self._opens(label, look) for look in label.looks)

    def _uncover(self, empty: Plan) -> Plan:
        """Look for a key where one may be hidden: in a box, also in the one that is held."""
        boxes = [label.name for label in self.labels if label.kinds == ["box"] and not label.named]
        if boxes:
            return (f"go to {boxes[0]}", f"open {boxes[0]}")
        held_named = any(one.thing.name == self.held_name for one in self.now)
        return empty if self.held and self.held.kind == "box" and not held_named else ()


def _possible(plan: Plan, options: dict[str, tuple[str, tuple[int, ...]]]) -> Plan:
    """The plan without what cannot be done from here, except what comes after a drop."""
    after_drop = bool(plan) and plan[0].startswith("drop ")
    return tuple(
        option for option in plan if option in options or (after_drop and "pick up" in option)
    )
