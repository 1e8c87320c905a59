"""Whatever was given, as habitat-lab's gym wrapper; or a message that says why not."""

from __future__ import annotations

import gc
import math
import os
import weakref
from typing import Any

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.habitat.lab import import_lab

_open: weakref.ref[Any] | None = None  # the wrapper whose simulator bears no other beside it


def hab_gym(env: Any) -> Any:
    """Return a ``HabGymWrapper`` around a config, a ``habitat.Env`` or one of its gym envs.

    :raises GroundingError: several robots, or a second real simulator in this process
    """
    lab = import_lab()
    wrapper = import_lab("habitat.gym.gym_wrapper").HabGymWrapper
    if isinstance(env, (str, os.PathLike)):
        env = lab.get_config(os.fspath(env))
    if isinstance(env, lab.Env):
        _check(env._config, env)
        found = wrapper(_around(env))
    elif hasattr(env, "unwrapped") and hasattr(env.unwrapped, "habitat_env"):
        _check(env.unwrapped.habitat_env._config, env.unwrapped.habitat_env)
        found = _wrapper_in(env, wrapper)
    else:
        _check(env.habitat if "habitat" in env else env, None)
        found = import_lab("habitat.gym").make_gym_from_config(env).env
    _claim(found)
    return found


def release(wrapper: Any) -> None:
    """Take note that a wrapper is closed."""
    global _open
    if _open is not None and _open() is wrapper:
        _open = None


def _claim(wrapper: Any) -> None:
    global _open
    if _alone(wrapper.unwrapped.habitat_env._config.simulator):
        _open = weakref.ref(wrapper)


def _alone(simulator: Any) -> bool:
    """Whether two of these simulators in one process end it (seen: an abort in ``close``)."""
    if not str(simulator.type).startswith("Light"):
        return True
    return bool(simulator.get("manners", {}).get("one_env", False))


def _check(config: Any, given: Any) -> None:
    robots = list(config.simulator.agents_order)
    if len(robots) > 1:
        raise GroundingError(
            f"the config has {len(robots)} robots ({', '.join(robots)}), expected one: HabitatEnv "
            "has one student. Cure: leave one in habitat.simulator.agents_order."
        )
    if _open is None or not _alone(config.simulator):
        return
    gc.collect()  # one that was dropped without being closed
    other = _open()
    if other is None:
        return
    if given is not other.unwrapped.habitat_env:
        raise GroundingError(
            "a HabitatEnv on the real simulator is open in this process, expected none: two of "
            "them abort the interpreter when they are closed. Cure: close() the first one, or "
            "give each env a process of its own (SubprocVecEnv, start_method='spawn')."
        )


def _wrapper_in(env: Any, wrapper: type) -> Any:
    """The ``HabGymWrapper`` in a chain of wrappers; one around the bare env if there is none."""
    inner = env
    while not isinstance(inner, wrapper) and inner is not inner.unwrapped:
        inner = inner.env
    return inner if isinstance(inner, wrapper) else wrapper(inner)


def _around(env: Any) -> Any:
    """A ``RLTaskEnv`` around an env that exists; its constructor would make a second one."""
    base = import_lab("habitat.core.environments").RLTaskEnv

    class Around(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            task = env._config.task
            self._core_env_config, self._env = env._config, env
            self.observation_space, self.action_space = env.observation_space, env.action_space
            self.number_of_episodes = env.number_of_episodes
            self.reward_range = (-math.inf, math.inf)
            self._reward_measure_name = task.reward_measure
            self._success_measure_name = task.success_measure
            self._slack_reward, self._success_reward = task.slack_reward, task.success_reward
            self._end_on_success = task.end_on_success

    return Around()
