"""Several teachers over several envs: who is best, and where each fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.preflight.check import Check

RANDOM = "random"
SUITES: dict[str, tuple[str, ...]] = {
    "standard": (
        "LLMTeacher/SimpleDoorKey-v0",
        "LLMTeacher/LavaDoorKey-v0",
        "LLMTeacher/ColoredDoorKey-v0",
        "MiniGrid-DoorKey-8x8-v0",
        "MiniGrid-MultiRoom-N4-S5-v1",
        "MiniGrid-UnlockPickup-v0",
        "MiniGrid-LavaCrossingS9N2-v0",
        "BabyAI-GoToLocal-v0",
        "BabyAI-PickupLoc-v0",
        "FrozenLake-v1",
    ),
}
"""Env ids by name: keys and doors, rooms, lava, missions, and one where options are moves."""


def env_ids(suite: str | None, others: Sequence[str]) -> list[str]:
    """Those that were named, then those of a suite; each once.

    :raises TeacherSpecError: there is no such suite

    >>> env_ids("standard", ["CartPole-v1"])[:2]
    ['CartPole-v1', 'LLMTeacher/SimpleDoorKey-v0']
    """
    if suite is not None and suite not in SUITES:
        raise TeacherSpecError(
            f"suite is {suite!r}, expected one of {', '.join(SUITES)}; or name env ids: --env A "
            "--env B."
        )
    return list(dict.fromkeys([*others, *(SUITES[suite] if suite is not None else ())]))


@dataclass(frozen=True)
class Standing:
    """What one teacher did over all envs.

    :param success: mean share of episodes won, every env counting the same
    :param solved: envs in which it wins half of its episodes or more
    :param above_chance: envs in which it wins more than the random one, by its 95 % interval
    :param envs: in all
    :param calls: requests to a language model
    :param cost_usd: what they cost
    """

    teacher: str
    success: float
    solved: int
    above_chance: int
    envs: int
    calls: float
    cost_usd: float


def leaderboard(checks: Sequence[Check]) -> list[Standing]:
    """Teachers, best first; the random one is among them."""
    chance = {one.env_id: one.success for one in checks if one.teacher == RANDOM}
    by_teacher: dict[str, list[Check]] = {}
    for one in checks:
        by_teacher.setdefault(one.teacher, []).append(one)
    found = [
        Standing(
            teacher,
            float(np.mean([one.success for one in played])),
            sum(one.success >= 0.5 for one in played),
            sum(one.interval[0] > chance.get(one.env_id, 0.0) for one in played),
            len(played),
            sum(one.said.totals.get("calls", 0.0) for one in played),
            sum(one.said.totals.get("cost_usd", 0.0) for one in played),
        )
        for teacher, played in by_teacher.items()
    ]
    return sorted(found, key=lambda one: (-one.success, one.cost_usd, one.teacher))
