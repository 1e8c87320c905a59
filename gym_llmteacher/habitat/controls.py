"""The flat action Box of habitat-lab's gym wrapper, slot by slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError

Vector = NDArray[np.float32]
PRIMITIVES = ("move forward", "turn left", "turn right", "grasp", "release")
"""Low-level discrete actions of the flat set-up."""


def slots_of(action_space: Mapping[str, Any]) -> dict[str, slice]:
    """Where each argument of each action lies in the flat vector.

    An action without arguments has one slot, under its own name.

    :param action_space: ``HabGymWrapper.original_action_space``
    """
    slots: dict[str, slice] = {}
    start = 0
    for name, space in action_space.items():
        arguments = space.items() if isinstance(space, Mapping) else [(name, None)]
        for argument, box in arguments:
            size = 1 if box is None else int(box.shape[0])
            slots[argument] = slice(start, start + size)
            start += size
    return slots


class Controls:
    """Vectors for the flat Box, each one control step.

    Two conventions of habitat-lab are kept here: a gripper command of 0 or more grasps, so the hold
    state is repeated in every step, and a stop command above 0 ends the episode.

    :param action_space: ``HabGymWrapper.original_action_space``

    >>> controls = Controls({"rearrange_stop": None})
    >>> controls.rest(holding=False).tolist()
    [-1.0]
    """

    def __init__(self, action_space: Mapping[str, Any]) -> None:
        self.slots = slots_of(action_space)
        self.size = max(s.stop for s in self.slots.values())

    def require(self, *names: str) -> None:
        """Check that slots are there.

        :raises GroundingError: the config leaves an action out
        """
        missing = [name for name in names if name not in self.slots]
        if missing:
            raise GroundingError(
                f"the env's actions have the arguments {', '.join(self.slots)}, expected also "
                f"{', '.join(missing)}. Cure: add the action under habitat.task.actions, and to "
                "habitat.gym.action_keys if that is set (see habitat/configs/nav_pick.yaml)."
            )

    def rest(self, holding: bool) -> Vector:
        """Do nothing: keep what is held, do not stop the episode."""
        vector = np.zeros(self.size, np.float32)
        if "grip_action" in self.slots:
            vector[self.slots["grip_action"]] = 1.0 if holding else -1.0
        if "rearrange_stop" in self.slots:
            vector[self.slots["rearrange_stop"]] = -1.0
        return vector

    def grip(self, close: bool) -> Vector:
        """Grasp what is nearest, or let go."""
        return self.rest(close)

    def drive(self, lin: float, ang: float, holding: bool) -> Vector:
        """Drive with these shares of the top speeds, left is positive."""
        vector = self.rest(holding)
        vector[self.slots["base_vel"]] = (lin, ang)
        return vector

    def navigate(self, index: int, holding: bool) -> Vector:
        """One step of oracle navigation to the entity of this 1-based index."""
        vector = self.rest(holding)
        vector[self.slots["oracle_nav_action"]] = index
        return vector

    def apply(self, offset: int, indices: tuple[int, ...], holding: bool) -> Vector:
        """Apply the abstract action whose arguments begin at ``offset``, 1-based entities."""
        vector = self.rest(holding)
        start = self.slots["pddl_action"].start + offset
        vector[start : start + len(indices)] = indices
        return vector
