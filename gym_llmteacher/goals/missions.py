"""MiniGrid's and BabyAI's missions as goals: which thing to go to, or to pick up."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.goals.base import Bits, GoalObs, Goals
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.minigrid.missions.agent_memory import AgentMemory, says_done
from gym_llmteacher.groundings.minigrid.missions.grounding import MissionGrounding
from gym_llmteacher.groundings.minigrid.missions.instructions import Instruction, parse_mission
from gym_llmteacher.groundings.minigrid.missions.view_memory import read_view
from gym_llmteacher.groundings.minigrid.things import look_of
from gym_llmteacher.situation import Situation

_VERBS = ("go to", "pick up")
_KINDS = ("key", "ball", "box", "door")
_COLORS = tuple(COLOR_TO_IDX)
_BITS = (*_VERBS, *_KINDS, *_COLORS)
_CODES = (len(OBJECT_TO_IDX), len(COLOR_TO_IDX), len(STATE_TO_IDX))


class MissionGoals(Goals):
    """Twelve bits: what to do (go to, pick up), kind and colour of the thing.

    Achieved is what the agent faces, or what it carries, by the episode's mission; read from its
    view. Observation: the view, one-hot by cell.

    >>> env = gym.make("BabyAI-GoToObj-v0")
    >>> goals = MissionGoals(env)
    >>> obs, _ = env.reset(seed=1)
    >>> goals.mission(goals.read(obs).desired_goal) == obs["mission"]
    True
    """

    n_bits = len(_BITS)

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        if says_done(env):
            raise GroundingError(
                f"{type(env.unwrapped).__name__} ends by the action 'done', expected a level whose "
                "mission is fulfilled by what the agent faces or carries, such as "
                "BabyAI-GoToObj-v0."
            )
        super().__init__(env)
        space: Any = env.observation_space
        self.n_observations = int(np.prod(space["image"].shape[:2])) * sum(_CODES)
        self._memory: AgentMemory | None = None
        self._teller = MissionGrounding()

    def read(self, obs: Any) -> GoalObs:
        image, _ = read_view(obs)
        one = _instruction(str(obs["mission"]))
        width, height = image.shape[:2]
        # The agent stands in the middle of the last column, and what it carries is drawn there.
        at = height - 2 if one.verb == "go to" else height - 1
        kind, color, _ = image[width // 2, at].tolist()
        look = look_of(kind, color)
        achieved = np.zeros(self.n_bits, dtype=np.uint8)
        if look.kind in _KINDS:
            achieved[[_BITS.index(bit) for bit in (one.verb, look.kind, look.color)]] = 1
        return GoalObs(_one_hot(image), achieved, _bits(one).copy())

    def reached(self, achieved: Bits, desired: Bits) -> NDArray[np.bool_]:
        # Every bit that is wanted is there: "a ball" is any ball. To achieve nothing is no goal.
        met = (desired <= achieved).all(axis=-1) & desired.any(axis=-1)
        return np.asarray(met)

    @staticmethod
    def mission(goal: Bits) -> str | None:
        """A goal in words; ``None`` if it is none."""
        words = [bit for bit, wanted in zip(_BITS, goal, strict=True) if wanted]
        verb = [word for word in words if word in _VERBS]
        kind = [word for word in words if word in _KINDS]
        if len(verb) != 1 or len(kind) > 1:
            return None
        return " ".join([*verb, "the", *(w for w in words if w in _COLORS), *(kind or ["object"])])

    def state(self, obs: Any, grounding: Grounding) -> AgentMemory | None:
        if not isinstance(grounding, MissionGrounding) or grounding.memory is None:
            return None
        self._memory = grounding.memory.kept(self._memory)
        return self._memory

    def situation(self, state: AgentMemory, goal: Bits, grounding: Grounding) -> Situation | None:
        mission = self.mission(goal)
        if mission is None:
            return None
        self._teller.recall(state, mission)
        found = self._teller.describe(self.env, None)
        return dataclasses.replace(found, option_actions=np.asarray(found.option_actions))


@lru_cache(maxsize=4096)
def _instruction(mission: str) -> Instruction:
    groups = parse_mission(mission)
    if len(groups) == 1 and len(groups[0]) == 1:
        (one,) = groups[0]
        if one.verb in _VERBS and one.thing.where is None and one.thing.kind in (None, *_KINDS):
            return one
    raise GroundingError(
        f"the mission is {mission!r}, expected one thing to go to or to pick up, told by kind and "
        "colour: 'go to the red ball'. Goals of other missions are not known; leave MissionGoals "
        "and hindsight out."
    )


@lru_cache(maxsize=4096)
def _bits(one: Instruction) -> Bits:
    words = (one.verb, one.thing.kind, one.thing.color)
    return np.array([bit in words for bit in _BITS], dtype=np.uint8)


def _one_hot(image: NDArray[np.uint8]) -> Bits:
    cells = image.reshape(-1, 3).T
    planes = [np.eye(n, dtype=np.uint8)[codes] for n, codes in zip(_CODES, cells, strict=True)]
    return np.concatenate(planes, axis=1).ravel()
