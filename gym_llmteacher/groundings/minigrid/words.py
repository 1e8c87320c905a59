"""The words that all MiniGrid levels share: names of options, and sentences about what is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gym_llmteacher.advice import Plan
from gym_llmteacher.groundings.minigrid.things import Look
from gym_llmteacher.situation import Subgoal

EXPLORE = "explore"

Skill = tuple[str, tuple[int, ...]]
"""How an option is carried out: a method of `Skills`, and the numbers of its targets."""


@dataclass(frozen=True)
class Words:
    """A situation in words.

    :param skills: one per option
    """

    text: str
    options: tuple[str, ...]
    skills: tuple[Skill, ...]
    state: str
    subgoals: tuple[Subgoal, ...]


# -- names ----------------------------------------------------------------------------------------


def numbered(look: Look, colors: Sequence[str]) -> str:
    """Name a thing by its kind and the number of its colour.

    Texts are then equal where the same is seen in other colours. With one colour there is nothing
    to tell apart, and no number.

    :param colors: in order of appearance

    >>> numbered(Look("key", "blue"), ["red", "blue"]), numbered(Look("key", "red"), ["red"])
    ('color2 key', 'key')
    """
    if len(colors) < 2:
        return look.kind
    return f"color{colors.index(look.color) + 1} {look.kind}"


def go_to(name: str) -> str:
    """Name of the option that walks up to a thing."""
    return f"go to {name}"


def pick_up(name: str) -> str:
    """Name of the option that takes the thing ahead."""
    return f"pick up {name}"


def open_(name: str) -> str:
    """Name of the option that opens the thing ahead."""
    return f"open {name}"


def drop(name: str) -> str:
    """Name of the option that puts down what is held."""
    return f"drop {name}"


# -- plans ----------------------------------------------------------------------------------------


def fetch_plan(name: str, held: str | None) -> Plan:
    """Plan that ends with the thing in hand; what is held has to be put down first.

    >>> fetch_plan("key", held="ball")
    ('drop ball', 'go to key', 'pick up key')
    """
    fetch = (go_to(name), pick_up(name))
    return fetch if held is None else (drop(held), *fetch)


def open_plan(name: str) -> Plan:
    """Plan that ends with the thing open."""
    return go_to(name), open_(name)


# -- sentences ------------------------------------------------------------------------------------


def perceives(seen: Iterable[str], held: str | None) -> str:
    """Say what the agent sees and holds.

    >>> perceives(["key", "locked door"], None)
    'Agent sees <key>, <locked door>. Agent holds <nothing>.'
    """
    sees = ", ".join(f"<{name}>" for name in seen) or "<nothing>"
    return f"Agent sees {sees}. Agent holds <{held or 'nothing'}>."


def holds(held: str | None, is_useful: bool) -> str:
    """Say what the agent holds, as far as it decides what is needed next.

    >>> holds("ball", is_useful=False)
    'The agent holds nothing useful.'
    """
    if held is None:
        return "The agent holds nothing."
    return f"The agent holds the {held}." if is_useful else "The agent holds nothing useful."
