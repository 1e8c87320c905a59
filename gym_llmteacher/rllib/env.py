"""An env that describes itself to the runner's teacher, for ``config.environment``.

A class and plain arguments, since checkpoints find these again in a fresh process: names that were
registered with Ray are forgotten there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

import gym_llmteacher
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.wrappers.grounding import GroundingWrapper

_KNOWN = ("env", "env_kwargs", "wrappers", "grounding")


class TaughtEnv(GroundingWrapper[Any, Any]):
    """An env of Gymnasium, in `GroundingWrapper`.

    :param context: RLlib's ``env_config``. ``env``: an id, or a function that makes the env;
        ``env_kwargs``: arguments for either; ``wrappers``: put around it, from the inside out;
        ``grounding``: how to describe it (``None`` finds one by the env)
    :raises GroundingError: another entry, no ``env``, or no grounding that knows it

    Example::

        >>> env = TaughtEnv({"env": "LLMTeacher/SimpleDoorKey-v0"})
        >>> env.reset(seed=0)[1]["teacher_situation"].text
        'Agent sees <nothing>. Agent holds <nothing>.'

    Change log: 0.1.0 - added.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        given = {name: value for name, value in context.items() if name != "num_envs"}
        if "env" not in given or set(given) - set(_KNOWN):
            raise GroundingError(
                f"env_config has {', '.join(sorted(given)) or 'nothing'}, expected 'env' and "
                f"perhaps {', '.join(_KNOWN[1:])}: {{'env': 'FrozenLake-v1'}}, for example."
            )
        make, kwargs = given["env"], given.get("env_kwargs") or {}
        env = gym.make(make, **kwargs) if isinstance(make, str) else make(**kwargs)
        for wrapper in given.get("wrappers") or ():
            env = wrapper(env)
        super().__init__(env, given.get("grounding"))


assert gym_llmteacher.envs  # imported: the tasks are registered
