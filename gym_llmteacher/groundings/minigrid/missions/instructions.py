"""MiniGrid's and BabyAI's missions as instructions: what to do with which thing, in which order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from minigrid.core.constants import COLOR_NAMES

_COLOR = "|".join(COLOR_NAMES)
_WHERE = "in front of you|behind you|on your left|on your right"
_THING = (
    rf"(?:an? |the )?(?:(?:{_COLOR}) )?(?:box|ball|key|door|object|goal)(?: square)?"
    rf"(?: (?:{_WHERE}))?"
)
_PARTS = re.compile(
    rf"(?:an? |the )?(?:(?P<color>{_COLOR}) )?(?P<kind>box|ball|key|door|object|goal)(?: square)?"
    rf"(?: (?P<where>{_WHERE}))?"
)
_VERB = re.compile(
    rf"(?P<verb>go to|get to|reach|pick up|get|go get|fetch|go fetch|you must fetch|open|unlock) "
    rf"(?P<thing>{_THING})"
)
_PUT = re.compile(rf"put (?P<thing>{_THING}) (?P<how>next to|near) (?P<beside>{_THING})")
_MEANS = {"get to": "go to", "reach": "go to", "unlock": "open"}
# Whole missions that no grammar gives away.
_REWORDED = (
    (re.compile(r"use the key to open the door and then get to the goal"),
     "pick up the key, then open the door, then go to the goal"),
    (re.compile(rf"get the ({_COLOR}) key from the ({_COLOR}) room, unlock the ({_COLOR}) door "
                r"and go to the goal"),
     r"open the \2 door, then pick up the \1 key, then open the \3 door, then go to the goal"),
    (re.compile(r"open the red door then the blue door"),
     "open the red door, then open the blue door"),
    (re.compile(r"(?:traverse|avoid|find) .*(?:get to|reach) (the .*goal.*)"), r"go to \1"),
)  # fmt: skip


@dataclass(frozen=True)
class Phrase:
    """A noun phrase of a mission: any thing that fits it will do.

    :param kind: box, ball, key, door or goal; ``None``: any object
    :param where: relative to where the agent started, for example ``"on your left"``
    """

    kind: str | None
    color: str | None = None
    where: str | None = None

    @property
    def name(self) -> str:
        """The phrase without its article.

        >>> Phrase("ball", "red", "behind you").name
        'red ball behind you'
        """
        return " ".join(part for part in (self.color, self.kind or "object", self.where) if part)


@dataclass(frozen=True)
class Instruction:
    """One thing to be done: ``go to``, ``pick up``, ``open``, or ``put`` beside another thing."""

    verb: str
    thing: Phrase
    beside: Phrase | None = None
    how: str = "next to"

    def __str__(self) -> str:
        if self.beside is None:
            return f"{self.verb} the {self.thing.name}"
        return f"put the {self.thing.name} {self.how} the {self.beside.name}"


Group = tuple[Instruction, ...]
"""Instructions that may be carried out in any order."""


@lru_cache(maxsize=4096)
def parse_mission(mission: str) -> tuple[Group, ...]:
    """Return the instructions of a mission, group after group; empty when it cannot be read.

    >>> [[str(one) for one in group] for group in parse_mission(
    ...     "pick up a red ball and open the door on your left after you go to the grey box")]
    [['go to the grey box'], ['pick up the red ball', 'open the door on your left']]
    >>> [str(one) for one, in parse_mission(
    ...     "get the red key from the grey room, unlock the red door and go to the goal")]
    ['open the grey door', 'pick up the red key', 'open the red door', 'go to the goal']
    """
    text = mission.strip().rstrip(".").lower()
    for pattern, words in _REWORDED:
        text = pattern.sub(words, text)
    groups: list[Group] = []
    for sentence in text.split(", then "):
        # "A after you B" is B first.
        for part in reversed(sentence.split(" after you ")):
            clauses = re.split(r",? and (?=go to|pick up|open|put)", part)
            group = tuple(_instruction(clause) for clause in clauses)
            if any(one is None for one in group):
                return ()
            groups.append(tuple(one for one in group if one is not None))
    return tuple(groups)


def _instruction(clause: str) -> Instruction | None:
    if match := _PUT.fullmatch(clause.strip()):
        return Instruction(
            "put", _phrase(match["thing"]), _phrase(match["beside"]), how=match["how"]
        )
    if match := _VERB.fullmatch(clause.strip()):
        verb = _MEANS.get(match["verb"], match["verb"])
        return Instruction(
            verb if verb in ("go to", "open") else "pick up", _phrase(match["thing"])
        )
    return None


def _phrase(text: str) -> Phrase:
    match = _PARTS.fullmatch(text)
    assert match is not None
    kind = match["kind"]
    if kind == "goal":
        return Phrase("goal")  # there is one, whatever its colour
    return Phrase(None if kind == "object" else kind, match["color"], match["where"])


def as_mission(groups: tuple[Group, ...]) -> str:
    """Put what is left to do into words that `parse_mission` reads.

    >>> as_mission(parse_mission("open the red door, then go to a ball"))
    'open the red door, then go to the ball'
    """
    return ", then ".join(" and ".join(str(one) for one in group) for group in groups)
