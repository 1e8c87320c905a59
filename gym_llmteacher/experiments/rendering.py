"""Frames in which everything can be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

_UNCLEAR = ("red", "grey")  # MiniGrid draws the agent red, and walls grey
_INSTEAD = ("yellow", "purple", "blue", "green")
_BUILT = ("wall", "floor", "goal", "lava")


def frame(env: gym.Env[Any, Any]) -> NDArray[np.uint8] | None:
    """What the env draws; ``None`` where it draws no pictures.

    In MiniGrid the agent is red and walls are grey. Keys, doors and other things of those colours
    are drawn in one that nothing else has there, so that they stand out. Nothing is changed in the
    env itself.
    """
    if env.render_mode != "rgb_array":
        return None
    with _recoloured(env):
        drawn = env.render()
    return None if drawn is None else np.asarray(drawn)


@contextmanager
def _recoloured(env: gym.Env[Any, Any]) -> Iterator[None]:
    cells = [*getattr(getattr(env.unwrapped, "grid", None), "grid", ())]
    cells.append(getattr(env.unwrapped, "carrying", None))
    things = {id(c): c for c in cells if c is not None and getattr(c, "type", None) not in _BUILT}
    used = {getattr(thing, "color", None) for thing in things.values()}
    free = [colour for colour in _INSTEAD if colour not in used]
    shown = dict(zip((c for c in _UNCLEAR if c in used), free, strict=False))
    changed = [(t, t.color) for t in things.values() if getattr(t, "color", None) in shown]
    for thing, colour in changed:
        thing.color = shown[colour]
    try:
        yield
    finally:
        for thing, colour in changed:
            thing.color = colour
