"""Taxi's destinations as goals: where the passenger is to be."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.goals.base import Bits, GoalObs, Goals
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.situation import Situation

_ROWS, _COLUMNS, _PLACES = 5, 5, 5
_IN_TAXI = 4


def supports(env: gym.Env[Any, Any]) -> bool:
    """Whether an env is Taxi, with its own observations."""
    name = type(env.unwrapped).__name__
    return name == "TaxiEnv" and isinstance(env.observation_space, gym.spaces.Discrete)


class TaxiGoals(Goals):
    """Five bits: the passenger stands at one of the four stands, or sits in the taxi.

    The env's own goal is always a stand; to have the passenger in the taxi is a goal that hindsight
    gives. Observation: row, column and passenger, one-hot.

    >>> env = gym.make(max(name for name in gym.registry if name.startswith("Taxi-v")))
    >>> obs, _ = env.reset(seed=1)
    >>> goals = TaxiGoals(env)
    >>> goals.read(obs).achieved_goal.tolist(), goals.read(obs).desired_goal.tolist()
    ([0, 0, 0, 1, 0], [1, 0, 0, 0, 0])
    """

    n_observations, n_bits = _ROWS + _COLUMNS + _PLACES, _PLACES

    def read(self, obs: Any) -> GoalObs:
        row, column, passenger, destination = self._decoded(obs)
        where = np.concatenate([
            _one_hot(row, _ROWS), _one_hot(column, _COLUMNS), _one_hot(passenger, _PLACES)
        ])  # fmt: skip
        return GoalObs(where, _one_hot(passenger, _PLACES), _one_hot(destination, _PLACES))

    def _decoded(self, obs: Any) -> tuple[int, ...]:
        cab: Any = self.env.unwrapped
        return tuple(int(value) for value in cab.decode(int(obs)))

    def reached(self, achieved: Bits, desired: Bits) -> NDArray[np.bool_]:
        same: NDArray[np.bool_] = (achieved == desired).all(axis=-1)
        return same

    def state(self, obs: Any, grounding: Grounding) -> int:
        return int(obs)

    def situation(self, state: int, goal: Bits, grounding: Grounding) -> Situation | None:
        row, column, passenger, _ = self._decoded(state)
        destination = int(goal.argmax())
        if destination == passenger:
            return None  # it is done
        if destination == _IN_TAXI:  # the first half of a ride, wherever that goes
            destination = (passenger + 1) % _IN_TAXI
        cab: Any = self.env.unwrapped
        here, there = cab.s, cab.encode(row, column, passenger, destination)
        cab.s = there  # the grounding reads the env
        try:
            found = grounding.describe(self.env, there)
            return dataclasses.replace(found, option_actions=np.asarray(found.option_actions))
        finally:
            cab.s = here


def _one_hot(i: int, n: int) -> Bits:
    bits = np.zeros(n, dtype=np.uint8)
    bits[i] = 1
    return bits
