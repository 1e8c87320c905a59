"""The teacher protocol: situations in, advice out, failures never."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from gym_llmteacher.advice import Advice
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation

if TYPE_CHECKING:
    from typing import Self


class Teacher(ABC):
    """Someone who can be asked what to do.

    A teacher is a shared service: wrappers of many envs hold the same one, so copying it gives
    the same object. It must be picklable; open clients, models and databases lazily. What it
    remembers it remembers by `Situation.key`. `gym_llmteacher.testing.check_teacher` says in words
    what is wrong with one of your own; to change the advice of another teacher, derive from
    `TeacherDecorator`.
    """

    @property
    def reads_observations(self) -> bool:
        """Whether situations must carry the observation (``Situation.obs``)."""
        return False

    @abstractmethod
    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise on every situation, in order.

        Trouble with one answer gives ``Advice.abstain(why, reason)`` for it; nothing is raised.
        """

    def cached(self, situation: Situation) -> Advice | None:
        """Advice that takes no time, or ``None`` where `advise` would have to be waited for."""
        return None

    def lookup(self, situation: Situation) -> Advice | None:
        """Advice that costs nothing, though it may take a look into a file."""
        return self.cached(situation)

    def budget_left(self) -> float:
        """Share of the budget that is left, in [0, 1]; 1 where there is none."""
        return 1.0

    def probe(self) -> None:  # noqa: B027  (an optional hook, not a forgotten abstract method)
        """Check once, at construction of the wrapper, that this teacher can be asked at all.

        :raises ModelUnavailableError: with what was got, what was expected and the cure
        """

    def grounding_for(self, env: gym.Env[Any, Any]) -> Grounding | None:
        """Return a grounding this teacher brings along, or ``None`` to find one by the env."""
        return None

    def metrics(self) -> dict[str, float]:
        """Running totals for the logger, for example ``calls``, ``abstained``, ``cost_usd``."""
        return {}

    def close(self) -> None:  # noqa: B027
        """Release models, clients and files."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # gymnasium.utils.RecordConstructorArgs deep-copies every wrapper argument.
        return self
