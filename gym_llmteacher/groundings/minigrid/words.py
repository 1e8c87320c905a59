"""A door-key scene in words: a pure function of what is seen and held, wherever it is.

Since it does not depend on places, a whole training needs a few dozen of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from gym_llmteacher.situation import Subgoal


class Look(NamedTuple):
    """What a thing looks like."""

    kind: str
    color: str
    is_open: bool = False
    is_locked: bool = False


@dataclass(frozen=True)
class Words:
    """The words of a situation.

    :param skills: per option, the name of the method of `Skills` and the numbers of its targets
        among the things seen
    """

    text: str
    options: tuple[str, ...]
    skills: tuple[tuple[str, tuple[int, ...]], ...]
    state: str
    subgoals: tuple[Subgoal, ...]


@lru_cache(maxsize=4096)
def describe(seen: tuple[Look, ...], held: Look | None, colors: tuple[str, ...]) -> Words:
    """Put a scene into words.

    :param seen: the things in sight, in order of their cells
    :param held: what the agent holds
    :param colors: colours in order of appearance in this episode; left out of the words while there
        is only one

    >>> describe((Look("key", "red"),), None, ("red",)).text
    'Agent sees <key>. Agent holds <nothing>.'
    """

    def name(thing: Look) -> str:
        if len(colors) < 2:
            return thing.kind
        return f"color{colors.index(thing.color) + 1} {thing.kind}"

    labels: dict[str, list[int]] = {}
    for i in sorted(range(len(seen)), key=lambda i: (seen[i].kind != "key", name(seen[i]))):
        labels.setdefault(name(seen[i]), []).append(i)
    first = {label: seen[numbers[0]] for label, numbers in labels.items()}
    skills: dict[str, tuple[str, tuple[int, ...]]] = {"explore": ("explore", ())}
    for label, numbers in labels.items():
        thing, targets = first[label], tuple(numbers)
        skills[f"go to {label}"] = ("go_to", targets)
        if thing.kind != "door" and held is None:
            skills[f"pick up {label}"] = ("pick_up", targets)
        if thing.kind == "door" and _fits(held, thing):
            skills[f"open {label}"] = ("open", targets)
    if held is not None:
        skills[f"drop {name(held)}"] = ("drop", ())
    doors = {label: thing for label, thing in first.items() if thing.kind == "door"}
    keys = {label: thing for label, thing in first.items() if thing.kind == "key"}
    sees = ", ".join(f"<{label}>" for label in labels) or "<nothing>"
    return Words(
        text=f"Agent sees {sees}. Agent holds <{name(held) if held else 'nothing'}>.",
        options=tuple(skills),
        skills=tuple(skills.values()),
        state=_state(held, doors),
        subgoals=(
            Subgoal("key", _key_plan(held and name(held), keys, doors)),
            Subgoal("door", _door_plan(held, doors)),
        ),
    )


def _fits(held: Look | None, door: Look) -> bool:
    """Whether the door can be opened with what is held."""
    if not door.is_locked:
        return not door.is_open
    return held is not None and held.kind == "key" and held.color == door.color


def _state(held: Look | None, doors: dict[str, Look]) -> str:
    if held is None:
        return "The agent holds nothing."
    if held.kind == "key" and doors and not any(_fits(held, door) for door in doors.values()):
        return "The agent holds nothing useful."
    return f"The agent holds the {held.kind}."


def _key_plan(held: str | None, keys: dict[str, Look], doors: dict[str, Look]) -> tuple[str, ...]:
    """Fetch the key that fits a door in sight; with none in sight, any key will do."""
    if doors:
        colors = {door.color for door in doors.values()}
        keys = {label: key for label, key in keys.items() if key.color in colors}
    elif held is not None:
        keys = {}
    if not keys:
        return ("explore",)
    label = next(iter(keys))
    fetch = (f"go to {label}", f"pick up {label}")
    return fetch if held is None else (f"drop {held}", *fetch)


def _door_plan(held: Look | None, doors: dict[str, Look]) -> tuple[str, ...]:
    for label, door in doors.items():
        if _fits(held, door):
            return (f"go to {label}", f"open {label}")
    return (f"go to {next(iter(doors))}",) if doors else ("explore",)
