"""Wrappers between an env and the grounding that was made for it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from gym_llmteacher.errors import GroundingError

# They change nothing that a grounding reads.
_HARMLESS = ("ViewSizeWrapper", "DirectionObsWrapper", "DtypeObservation")
# No `ActionWrapper` by class; actions mean something else behind them all the same.
_REPEATING = ("RepeatAction", "MaxAndSkipObservation", "AtariPreprocessing")
_LIBRARIES = ("gymnasium.", "minigrid.")


def check_wrappers(env: gym.Env[Any, Any]) -> None:
    """Check that an env's own grounding will see its observations and actions as they are.

    Wrappers of your own are for you to judge.

    :param env: the env, with all wrappers that will be inside
    :raises GroundingError: a wrapper of Gymnasium or MiniGrid changes observations or actions

    >>> from minigrid.wrappers import FullyObsWrapper
    >>> check_wrappers(FullyObsWrapper(gym.make("MiniGrid-Empty-5x5-v0")))
    Traceback (most recent call last):
    gym_llmteacher.errors.GroundingError: FullyObsWrapper is inside, and changes the ...
    """
    inner = env
    while isinstance(inner, gym.Wrapper):
        name = type(inner).__name__
        library = type(inner).__module__.startswith(_LIBRARIES)
        if library and name not in _HARMLESS:
            if isinstance(inner, gym.ActionWrapper) or name in _REPEATING:
                raise GroundingError(
                    f"{name} is inside, and changes what the actions do; expected those of the env "
                    "itself, which its grounding names. Cure: leave it out, or describe the "
                    "wrapped env yourself: LLMTeacherWrapper(env, grounding=ActionGrounding(...))."
                )
            if isinstance(inner, gym.ObservationWrapper):
                raise GroundingError(
                    f"{name} is inside, and changes the observations that the env's grounding "
                    f"reads; expected it outside. Cure: {name}(LLMTeacherWrapper(env, ...)), or "
                    "grounding=... of your own."
                )
        inner = inner.env
