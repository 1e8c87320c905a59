"""Door-key tasks with a box, which may hold the key (When2Ask, arXiv 2306.03604).

As the door-key tasks; a box is opened by toggling it, and its contents then lie in its cell.
"""

from __future__ import annotations

from minigrid.core.world_object import Box, Key

from gym_llmteacher.envs.door_key import _RoomEnv


class KeyInBoxEnv(_RoomEnv):
    """A box that holds the key, and a locked door.

    >>> import gymnasium as gym, gym_llmteacher
    >>> env = gym.make("LLMTeacher/KeyInBox-v0")
    >>> _ = env.reset(seed=0)
    >>> env.unwrapped.mission
    'get the key out of the box, then open the door'
    """

    task = "get the key out of the box, then open the door"

    def _furnish(self) -> None:
        self._place(inside=True)

    def _place(self, inside: bool) -> None:
        """Put a box into the room, and a key into it or elsewhere."""
        key = Key(self.door_color)
        # Right before the door, a box that has been opened would still let nobody pass.
        x, y = self.door_pos
        cell = self._free()
        while abs(cell[0] - x) + abs(cell[1] - y) == 1:
            cell = self._free()
        self.grid.set(*cell, Box(self.door_color, contains=key if inside else None))
        if not inside:
            self.grid.set(*self._free(), key)


class RandomBoxKeyEnv(KeyInBoxEnv):
    """A box, a locked door, and a key that is in the box or lies in the room, as likely as not."""

    task = "get the key, which may be in the box, then open the door"

    def _furnish(self) -> None:
        self._place(inside=bool(self.np_random.integers(2)))
