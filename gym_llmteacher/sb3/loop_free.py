"""A deterministic policy that does not go round in circles.

The most likely action is a function of the observation, so a greedy agent that comes back to an
observation does again what led it back: with one wrong label in a hundred, it turns left and right
for ever where a sampled agent leaves at the second try. Here the k-th visit to an observation in an
episode takes the action that is due by the highest-averages rule of apportionment (D'Hondt):
``argmax π(a) / (1 + times a was taken here)``. The first visit is the plain argmax, and what is
done in a place approaches π's own proportions: it is sampling without the dice.
"""

from __future__ import annotations

from typing import Any, cast

import gymnasium as gym
import numpy as np
import torch as th
from numpy.typing import NDArray
from stable_baselines3.common.distributions import CategoricalDistribution
from stable_baselines3.common.policies import ActorCriticPolicy

from gym_llmteacher.sb3.portable import Portable

Visits = dict[bytes, NDArray[np.int64]]
"""How often each action was taken, by observation."""


class LoopFreePolicy(ActorCriticPolicy, metaclass=Portable):
    """SB3's actor-critic policy whose deterministic actions remember where the agent has been.

    Training and sampled actions are those of ``ActorCriticPolicy``, and so is a deterministic
    prediction without ``state``. The memory is handed around like a recurrent policy's state:
    ``evaluate_policy``, ``rl-zoo3`` and everything else that supports recurrent policies works.
    Of use where observations repeat exactly: maps, grids, discrete states.

    :raises ValueError: the action space is not Discrete

    Example::

        >>> from stable_baselines3 import PPO
        >>> model = PPO(LoopFreePolicy, "FrozenLake-v1", n_steps=8, batch_size=8, seed=0)
        >>> first, state = model.predict(0, deterministic=True)
        >>> actions = {int(first)}
        >>> for _ in range(9):
        ...     action, state = model.predict(0, state, deterministic=True)
        ...     actions.add(int(action))
        >>> sorted(actions)  # an untrained policy gives each its turn
        [0, 1, 2, 3]
    """

    def __init__(
        self,
        observation_space: gym.spaces.Space[Any],
        action_space: gym.spaces.Space[Any],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if not isinstance(action_space, gym.spaces.Discrete):
            raise ValueError(
                f"the action space is {action_space}, expected Discrete: counts need actions that "
                "can be counted. Use MlpPolicy, CnnPolicy or MultiInputPolicy instead."
            )
        super().__init__(observation_space, action_space, *args, **kwargs)

    def predict(
        self,
        observation: NDArray[Any] | dict[str, NDArray[Any]],
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Choose actions; arguments and results as in SB3.

        :param state: one array of objects ``(n_envs,)`` from the last call; ``None``: a fresh start
        :param episode_start: bool ``(n_envs,)``; the memory of these is emptied
        """
        if not deterministic:
            return super().predict(observation, state, episode_start, deterministic)
        self.set_training_mode(False)
        tensor, vectorized = self.obs_to_tensor(observation)
        with th.no_grad():
            distribution = cast(CategoricalDistribution, self.get_distribution(tensor))
        probabilities = distribution.distribution.probs.cpu().numpy()
        n_envs = len(probabilities)
        memory = np.empty(n_envs, dtype=object)
        actions = np.zeros(n_envs, dtype=np.int64)
        for i, (key, chances) in enumerate(zip(_keys(tensor), probabilities, strict=True)):
            starts = state is None or (episode_start is not None and episode_start[i])
            visits: Visits = {} if starts else cast(Any, state)[0][i]
            taken = visits.get(key, np.zeros(len(chances), dtype=np.int64))
            actions[i] = np.argmax(chances / (1 + taken))
            # A new memory, not a changed one: a caller may have kept the old.
            memory[i] = {**visits, key: taken + (np.arange(len(chances)) == actions[i])}
        return (actions if vectorized else actions.squeeze(axis=0)), (memory,)


def _keys(tensor: th.Tensor | dict[str, th.Tensor]) -> list[bytes]:
    """Name each observation of a batch by its bytes."""
    parts = [tensor] if isinstance(tensor, th.Tensor) else [tensor[key] for key in sorted(tensor)]
    arrays = [part.cpu().numpy() for part in parts]
    return [b"|".join(array[i].tobytes() for array in arrays) for i in range(len(arrays[0]))]
