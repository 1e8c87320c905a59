"""A door-key scene in words: a pure function of what is seen and held, wherever it is.

Since it does not depend on places, a whole training needs a few dozen of them.
"""

from __future__ import annotations

from functools import lru_cache

from gym_llmteacher.advice import Plan
from gym_llmteacher.groundings.minigrid.things import Look
from gym_llmteacher.groundings.minigrid.words import (
    EXPLORE,
    Skill,
    Words,
    drop,
    fetch_plan,
    go_to,
    holds,
    numbered,
    open_,
    open_plan,
    perceives,
    pick_up,
)
from gym_llmteacher.situation import Subgoal


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
    names = [numbered(look, colors) for look in seen]
    held_name = None if held is None else numbered(held, colors)
    things: dict[str, list[int]] = {}
    for i in sorted(range(len(seen)), key=lambda i: (seen[i].kind != "key", names[i])):
        things.setdefault(names[i], []).append(i)
    looks = {name: seen[numbers[0]] for name, numbers in things.items()}
    doors = {name: look for name, look in looks.items() if look.kind == "door"}
    keys = {name: look for name, look in looks.items() if look.kind == "key"}
    boxes = [name for name, look in looks.items() if look.kind == "box"]
    options: dict[str, Skill] = {EXPLORE: ("explore", ())}
    for name, numbers in things.items():
        targets = tuple(numbers)
        options[go_to(name)] = ("go_to", targets)
        if name not in doors and held is None:
            options[pick_up(name)] = ("pick_up", targets)
        if name in boxes or (name in doors and _opens(held, doors[name])):
            options[open_(name)] = ("open", targets)
    if held_name is not None:
        options[drop(held_name)] = ("drop", ())
    return Words(
        text=perceives(things, held_name),
        options=tuple(options),
        skills=tuple(options.values()),
        state=_state(held, doors),
        subgoals=(
            Subgoal("key", _key_plan(held_name, keys, doors)),
            Subgoal("door", _door_plan(held, doors)),
            *_box_subgoal(held, held_name, boxes),
        ),
    )


def _opens(held: Look | None, door: Look) -> bool:
    """Whether the door can be opened with what is held."""
    return door.is_unlocked_by(held) if door.is_locked else not door.is_open


def _state(held: Look | None, doors: dict[str, Look]) -> str:
    if held is None:
        return holds(None, is_useful=False)
    fits_none = doors and not any(_opens(held, door) for door in doors.values())
    return holds(held.kind, is_useful=not (held.kind == "key" and fits_none))


def _key_plan(held: str | None, keys: dict[str, Look], doors: dict[str, Look]) -> Plan:
    """Fetch the key that fits a door in sight; with none in sight, any key will do."""
    if doors:
        colors = {door.color for door in doors.values()}
        keys = {name: key for name, key in keys.items() if key.color in colors}
    elif held is not None:
        keys = {}
    return fetch_plan(next(iter(keys)), held) if keys else (EXPLORE,)


def _door_plan(held: Look | None, doors: dict[str, Look]) -> Plan:
    for name, door in doors.items():
        if _opens(held, door):
            return open_plan(name)
    return (go_to(next(iter(doors))),) if doors else (EXPLORE,)


def _box_subgoal(held: Look | None, held_name: str | None, boxes: list[str]) -> tuple[Subgoal, ...]:
    """Open a box in sight; one that was picked up has to be put down first."""
    if held is not None and held.kind == "box" and held_name is not None:
        return (Subgoal("box", (drop(held_name),)),)
    return (Subgoal("box", open_plan(boxes[0])),) if boxes else ()
