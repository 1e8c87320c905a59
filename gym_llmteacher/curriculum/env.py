"""An env whose keyword arguments are drawn at each reset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.curriculum.space import Configuration, key_of
from gym_llmteacher.errors import CurriculumError

EnvFn = Callable[..., gym.Env[Any, Any]]


class ConfiguredEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Draws a configuration at each reset: of the originals, or of the mix.

    ``info["configuration"]`` is its key (`key_of`). Envs are made once each, and kept. The original
    has its share of the episodes, and no less of the steps: a mix of long hopeless episodes does
    not crowd it out.

    :param env_fn: makes an env of keyword arguments
    :param originals: what counts in the end, one as likely as another
    :param share: of the training that is in an original env
    :raises CurriculumError: (at reset) spaces differ between configurations

    Example::

        >>> import minigrid
        >>> def make(size):
        ...     return gym.make("MiniGrid-Empty-5x5-v0", max_steps=size * 10)
        >>> env = ConfiguredEnv(make, [{"size": 8}], share=0.5)
        >>> env.set_mix([{"size": 5}])
        >>> sorted({env.reset(seed=seed)[1]["configuration"] for seed in range(9)})
        ['{"size": 5}', '{"size": 8}']
    """

    def __init__(
        self, env_fn: EnvFn, originals: Sequence[Configuration], share: float = 0.5
    ) -> None:
        self._env_fn, self._originals, self._share = env_fn, list(originals), float(share)
        self._mix: list[Configuration] = []
        self._key = key_of(self._originals[0])
        first = env_fn(**self._originals[0])
        self._made: dict[str, gym.Env[Any, Any]] = {self._key: first}
        self._seeded: set[str] = set()
        self._rng = np.random.default_rng()
        self._steps = self._original_steps = 0
        self._originally = True
        gym.Wrapper.__init__(self, first)
        self.observation_space, self.action_space = first.observation_space, first.action_space

    def set_mix(self, mix: Sequence[Configuration]) -> None:
        """Draw of these from the next reset on; of none: the originals alone."""
        self._mix = list(mix)
        self._steps = self._original_steps = 0  # time without a mix buys the next none

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Draw a configuration, and reset its env."""
        if seed is not None:
            self._rng, self._seeded = np.random.default_rng(seed), set()
        behind = self._original_steps < self._share * self._steps
        # A number is drawn in any case: what follows does not depend on how long episodes were.
        self._originally = self._rng.random() < self._share or behind or not self._mix
        chosen = self._originals if self._originally else self._mix
        configuration = chosen[int(self._rng.integers(len(chosen)))]
        self._key = key_of(configuration)
        if self._key not in self._made:
            self._made[self._key] = self._checked(self._env_fn(**configuration), configuration)
        self.env = self._made[self._key]
        if self._key not in self._seeded:  # each env goes on with a generator of its own
            self._seeded.add(self._key)
            seed = int(self._rng.integers(2**31 - 1))
        else:
            seed = None
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, {**info, "configuration": self._key}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the env at hand."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        self._original_steps += self._originally
        return obs, reward, terminated, truncated, {**info, "configuration": self._key}

    def _checked(self, env: gym.Env[Any, Any], configuration: Configuration) -> gym.Env[Any, Any]:
        check_spaces(self, env, configuration)
        return env

    def close(self) -> None:
        """Close all envs."""
        for env in self._made.values():
            env.close()


def check_spaces(
    first: gym.Env[Any, Any], env: gym.Env[Any, Any], configuration: Configuration
) -> None:
    """Check that one student can act in both.

    :raises CurriculumError: it cannot
    """
    for name in ("observation_space", "action_space"):
        if getattr(env, name) != getattr(first, name):
            raise CurriculumError(
                f"{configuration!r} has the {name} {getattr(env, name)}, expected "
                f"{getattr(first, name)}, as the original: one student is to act in all. Cure: a "
                "wrapper such as MapMemory in env_fn, or a smaller space."
            )
