"""The protocol of a family of goals."""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation

Bits = NDArray[np.uint8]


class GoalObs(NamedTuple):
    """An observation in three parts, uint8 each.

    :param observation: ``(n,)``, what is seen, without what is to be achieved
    :param achieved_goal: ``(n_bits,)``
    :param desired_goal: ``(n_bits,)``
    """

    observation: Bits
    achieved_goal: Bits
    desired_goal: Bits


class GoalState:
    """What is known at one step, kept so that other goals can be looked at from there.

    :param what: it, as `Goals.state` gives it; picklable

    ``known``: what the teacher said there of other goals, by the goal's bytes.
    """

    def __init__(self, what: Any) -> None:
        self.what = what
        self.known: dict[bytes, tuple[NDArray[np.float32], float]] = {}

    def __eq__(self, other: object) -> bool:
        """Equal in what is known; Gymnasium compares infos."""
        if not isinstance(other, GoalState):
            return NotImplemented
        return pickle.dumps(self.what) == pickle.dumps(other.what)

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> GoalState:
        return self  # nothing in it changes; a VecEnv deep-copies every info

    def __reduce__(self) -> Any:
        return GoalState, (self.what,)


class Goals(ABC):
    """Knows the goals of one family of envs.

    :param env: an env of it, for its sizes
    """

    n_observations: int
    n_bits: int

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self.env = env

    @abstractmethod
    def read(self, obs: Any) -> GoalObs:
        """Take an observation apart.

        :raises GroundingError: its mission is none that can be written as a goal
        """

    @abstractmethod
    def reached(self, achieved: Bits, desired: Bits) -> NDArray[np.bool_]:
        """Whether goals ``(..., n_bits)`` are achieved: bool ``(...)``."""

    @abstractmethod
    def state(self, obs: Any, grounding: Grounding) -> Any:
        """What `situation` needs to know of this step; ``None`` if the grounding keeps it back."""

    @abstractmethod
    def situation(self, state: Any, goal: Bits, grounding: Grounding) -> Situation | None:
        """What the teacher would have been asked there, had this been the goal.

        ``None`` where the goal has no words. Its ``option_actions`` are numbers, not `LazyRows`:
        the env may be elsewhere when they are looked at.
        """
