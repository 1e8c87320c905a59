"""One env's part of a batch of observations."""

from __future__ import annotations

from typing import Any


def of_env(obs: Any, i: int) -> Any:
    """Observation of env ``i``, of stacked arrays, or dicts or tuples of them.

    >>> of_env({"map": [[1], [2]]}, 1)
    {'map': [2]}
    """
    if isinstance(obs, dict):
        return {key: value[i] for key, value in obs.items()}
    return tuple(value[i] for value in obs) if isinstance(obs, tuple) else obs[i]
