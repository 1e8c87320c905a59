"""Frames in which everything can be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

_AGENT = "red"  # MiniGrid draws the agent in this colour
_INSTEAD = ("yellow", "purple", "blue", "green", "grey")


def frame(env: gym.Env[Any, Any]) -> NDArray[np.uint8] | None:
    """What the env draws; ``None`` where it draws no pictures.

    In MiniGrid the agent is red, and red things are drawn in a colour that nothing else has there:
    key and door stand out. Nothing is changed in the env itself.
    """
    if env.render_mode != "rgb_array":
        return None
    with _recoloured(env):
        drawn = env.render()
    return None if drawn is None else np.asarray(drawn)


@contextmanager
def _recoloured(env: gym.Env[Any, Any]) -> Iterator[None]:
    grid = getattr(env.unwrapped, "grid", None)
    things = {id(cell): cell for cell in getattr(grid, "grid", ()) if cell is not None}
    carried = getattr(env.unwrapped, "carrying", None)
    if carried is not None:
        things[id(carried)] = carried
    used = {getattr(thing, "color", None) for thing in things.values()}
    other = next((colour for colour in _INSTEAD if colour not in used), None)
    red = [t for t in things.values() if getattr(t, "color", None) == _AGENT and other is not None]
    for thing in red:
        thing.color = other
    try:
        yield
    finally:
        for thing in red:
            thing.color = _AGENT
