"""What an asker sees: the student's observation, what changed, whether its plan is exhausted."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.errors import ConditionError

OBSERVATION, CHANGE, EXHAUSTED = "observation", "change", "exhausted"


def asker_space(space: gym.Space[Any]) -> gym.spaces.Dict:
    """The observation space of an asker, given the student's.

    :raises ConditionError: the student's is neither Box nor Discrete

    >>> sorted(asker_space(gym.spaces.Discrete(3)))
    ['change', 'exhausted', 'observation']
    """
    if isinstance(space, gym.spaces.Discrete):
        shown: Any = gym.spaces.Box(0.0, 1.0, (int(space.n),), np.float32)
    elif isinstance(space, gym.spaces.Box):
        shown = space
    else:
        raise ConditionError(
            f"the observation space is {space}, expected Box or Discrete. Cure: put MapMemory or "
            "gymnasium.wrappers.FlattenObservation inside."
        )
    change = gym.spaces.Box(-np.inf, np.inf, shown.shape, np.float32)
    exhausted = gym.spaces.Box(0.0, 1.0, (1,), np.float32)
    return gym.spaces.Dict({OBSERVATION: shown, CHANGE: change, EXHAUSTED: exhausted})


def asker_observation(
    space: gym.Space[Any], obs: Any, last_obs: Any, exhausted: bool
) -> dict[str, Any]:
    """What an asker sees.

    :param space: of `asker_space`
    :param obs: the student's observation
    :param last_obs: the one before; ``None``: the episode begins, and nothing has changed
    :param exhausted: whether nothing of the plan in hand applies
    :raises ConditionError: the observation is of another shape

    >>> space = asker_space(gym.spaces.Discrete(2))
    >>> asker_observation(space, 1, 0, False)["change"].tolist()
    [-1.0, 1.0]
    """
    assert isinstance(space, gym.spaces.Dict)
    box: Any = space[OBSERVATION]
    now = _shown(box, obs)
    before = now if last_obs is None else _shown(box, last_obs)
    return {
        OBSERVATION: now,
        CHANGE: now.astype(np.float32) - before.astype(np.float32),
        EXHAUSTED: np.array([exhausted], dtype=np.float32),
    }


def _shown(box: Any, obs: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(obs)
    if array.ndim == 0 and len(box.shape) == 1:
        array = np.eye(box.shape[0], dtype=np.float32)[int(array)]
    if array.shape != box.shape:
        raise ConditionError(
            f"the asker got an observation of shape {array.shape}, expected {box.shape}. Cure: use "
            "it with the env, and the observation wrappers, that it was trained with."
        )
    return array.astype(box.dtype, copy=False)
