"""Options by name: a skill and what it is done to."""

from __future__ import annotations

from collections.abc import Sequence


def split_option(option: str) -> tuple[str, str]:
    """Skill and object of an option's name.

    >>> split_option("navigate to potted meat can"), split_option("drop")
    (('navigate', 'potted meat can'), ('drop', ''))
    """
    if option.startswith("navigate to "):
        return "navigate", option.removeprefix("navigate to ")
    skill, _, word = option.partition(" ")
    return skill, word


def option_names(objects: Sequence[str], places: Sequence[str]) -> tuple[str, ...]:
    """All options there may be.

    >>> option_names(["mug"], ["sofa"])
    ('navigate to mug', 'navigate to sofa', 'pick mug', 'drop', 'wait')
    """
    return (
        *(f"navigate to {word}" for word in (*objects, *places)),
        *(f"pick {word}" for word in objects),
        "drop",
        "wait",
    )
