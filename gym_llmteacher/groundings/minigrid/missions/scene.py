"""What an agent with a mission sees, in words: a pure function of looks, whatever their places."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from gym_llmteacher.advice import Plan
from gym_llmteacher.groundings.minigrid.missions.instructions import Instruction
from gym_llmteacher.groundings.minigrid.missions.labels import Label
from gym_llmteacher.groundings.minigrid.things import MOVABLE, Look
from gym_llmteacher.groundings.minigrid.words import (
    EXPLORE,
    Skill,
    Words,
    drop,
    fetch_plan,
    go_to,
    holds,
    open_,
    open_plan,
    perceives,
    pick_up,
)
from gym_llmteacher.situation import Subgoal

OBSTACLE = -1
"""Stands for the thing in the way, among the numbers of things."""
_DONE = "done"


@dataclass(frozen=True)
class Scene:
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
    held_name: str | None
    blocking: str | None
    exploring: bool
    say_done: bool

    def words(self) -> Words:
        """Put it into words."""
        options = self._options or {"wait": ("done", ())}
        return Words(
            text=self.text(),
            options=tuple(options),
            skills=tuple(options.values()),
            state=self.state(),
            subgoals=self.subgoals(),
        )

    def text(self) -> str:
        """The situation in words."""
        parts = [
            f"Mission: {self.mission}{' and say done' if self.say_done else ''}.",
            perceives((label.words() for label in self.labels), self.held_name),
        ]
        parts += [f"It fits <{label.name}>." for label in self._unlocked]
        if self.blocking:
            parts.append(f"In the way: <{self.blocking}>.")
        if not self.exploring:
            parts.append("Nothing is left to explore.")
        return " ".join(parts)

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
        puts = any(one.verb == "put" and one.thing.name == self.held_name for one in self.now)
        is_useful = bool(self._unlocked or puts) and not self.blocking
        return holds(self.held_name, is_useful)

    # -- options ----------------------------------------------------------------------------------

    @cached_property
    def _options(self) -> dict[str, Skill]:
        options: dict[str, Skill] = {}
        if self.exploring:
            options[EXPLORE] = ("explore", ())
        for label in self.labels:
            name, pairs = label.name, list(zip(label.things, label.looks, strict=True))
            options[go_to(name)] = ("go_to", self._places(label, pairs))
            movable = tuple(number for number, look in pairs if look.kind in MOVABLE)
            if movable and self.held is None:
                options[pick_up(name)] = ("pick_up", movable)
            openable = tuple(number for number, look in pairs if self._opens(label, look))
            if openable:
                options[open_(name)] = ("open", openable)
        if self.blocking:
            options[go_to(self.blocking)] = ("go_to", (OBSTACLE,))
            if self.held is None:
                options[pick_up(self.blocking)] = ("pick_up", (OBSTACLE,))
        if self.held_name is not None:
            options[drop(self.held_name)] = ("drop", ())
            for one in self.now:
                beside = self._label(one.beside.name) if one.beside else None
                if one.thing.name == self.held_name and beside:
                    options[_put(one)] = ("put_beside", tuple(beside.things))
        if self.say_done:
            options[_DONE] = ("done", ())
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
            return look.is_unlocked_by(self.held)
        return label.named or not look.is_open

    # -- subgoals ---------------------------------------------------------------------------------

    def subgoals(self) -> tuple[Subgoal, ...]:
        """What may be needed next, and how to get it from here."""
        plans = dict(self._plan_for(one) for one in self.now)
        for label in self.labels:
            if label.name in plans or label.named:
                continue  # where a thing is to be put is of no use before it is held
            if label.kinds == ["key"]:
                plans[label.name] = fetch_plan(label.name, self.held_name)
            elif label.is_unlocked_by(self.held):
                plans[label.name] = open_plan(label.name)
        if self._locked and self._key == "key":
            plans.setdefault("key", self._uncover())
        if self.blocking:
            plans[self.blocking] = fetch_plan(self.blocking, self.held_name)
        explore = (EXPLORE,) if self.exploring else ()
        return tuple(
            Subgoal(name, kept)
            for name, plan in plans.items()
            if (kept := (*_possible(plan, self._options), *explore))
        )

    def _plan_for(self, one: Instruction) -> tuple[str, Plan]:
        """What an instruction needs now, and how to get it."""
        holding = one.verb == "put" and one.thing.name == self.held_name
        name = (one.beside if holding and one.beside else one.thing).name
        label = self._label(name)
        if label is None:
            return name, ()
        if holding:
            return name, (_put(one),)
        if one.verb in ("pick up", "put"):
            return name, fetch_plan(name, self.held_name)
        if one.verb == "open":
            can_open = any(self._opens(label, look) for look in label.looks)
            return name, open_plan(name) if can_open else ()
        return name, (go_to(name), *((_DONE,) if self.say_done else ()))

    def _uncover(self) -> Plan:
        """Look for a key where one may be hidden: in a box, also in the one that is held."""
        boxes = [label.name for label in self.labels if label.kinds == ["box"] and not label.named]
        if boxes:
            return open_plan(boxes[0])
        held_is_named = any(one.thing.name == self.held_name for one in self.now)
        if self.held_name and self.held and self.held.kind == "box" and not held_is_named:
            return (drop(self.held_name),)
        return ()

    # -- labels -----------------------------------------------------------------------------------

    def _label(self, name: str) -> Label | None:
        return next((label for label in self.labels if label.name == name), None)

    @cached_property
    def _unlocked(self) -> list[Label]:
        """Locked doors whose key is held."""
        return [label for label in self.labels if label.is_unlocked_by(self.held)]

    @cached_property
    def _locked(self) -> Label | None:
        """The locked door to be opened: the one whose key is held, or else the first."""
        locked = [label for label in self.labels if any(look.is_locked for look in label.looks)]
        return next(iter(self._unlocked or locked), None)

    @property
    def _key(self) -> str:
        """How the key to it is called, or would be."""
        if self._unlocked and self.held_name:
            return self.held_name
        keys = (label.name for label in self.labels if label.kinds == ["key"] and not label.named)
        return next(keys, "key")


def _put(one: Instruction) -> str:
    """Name of the option that puts what is held beside another thing."""
    assert one.beside is not None
    return f"put {one.thing.name} {one.how} {one.beside.name}"


def _possible(plan: Plan, options: Collection[str]) -> Plan:
    """The plan without what cannot be done from here, except what comes after a drop."""
    after_drop = bool(plan) and plan[0].startswith(drop(""))
    return tuple(
        option for option in plan if option in options or (after_drop and "pick up" in option)
    )
