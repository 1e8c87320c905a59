"""Find the grounding that knows an env, by the env's id."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.actions import ActionGrounding
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.chosen import ChosenOptions
from gym_llmteacher.groundings.multi_discrete import MultiDiscreteGrounding
from gym_llmteacher.groundings.wrapped import check_wrappers

Factory = Callable[[], Grounding]

# Where a grounding comes from, by id without version or by class. Strings: nothing is imported
# before it is needed.
GROUNDINGS: dict[str, str | Factory] = {
    "FrozenLake": "toy_text:frozen_lake",
    "FrozenLake8x8": "toy_text:frozen_lake",
    "Taxi": "toy_text:taxi",
    "CliffWalking": "toy_text:cliff_walking",
    "CliffWalkingSlippery": "toy_text:cliff_walking",
    "Blackjack": "toy_text:blackjack",
    "CartPole": "control:cart_pole",
    "MountainCar": "control:mountain_car",
    "LunarLander": "control:lunar_lander",
    "HabitatEnv": "habitat:HabitatGrounding",
}


def register_grounding(name: str, factory: Factory) -> None:
    """Have `LLMTeacherWrapper` find a grounding of yours.

    :param name: env id, its version left out: ``"my_package/MyEnv"``
    :param factory: makes a fresh grounding, one per env
    :raises GroundingError: the factory is no function

    >>> register_grounding("my_package/MyEnv", lambda: ActionGrounding(str, ["stay", "go"]))
    """
    if not callable(factory):
        raise GroundingError(
            f"factory is {factory!r}, expected a function that makes a Grounding: lambda: "
            "ActionGrounding(...)."
        )
    GROUNDINGS[name] = factory


def find_grounding(env: gym.Env[Any, Any]) -> Grounding:
    """Return a fresh grounding for ``env``.

    :raises GroundingError: no grounding knows this env, or a wrapper changes what it would read
    """
    if ChosenOptions.supports(env):
        return ChosenOptions()
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    by_class = GROUNDINGS.get(type(env.unwrapped).__name__)
    factory = GROUNDINGS.get(name.rsplit("-v", 1)[0], by_class)
    if isinstance(factory, str):
        module, function = factory.split(":")
        factory = getattr(importlib.import_module(f"gym_llmteacher.groundings.{module}"), function)
    if callable(factory):
        grounding = factory()
        assert isinstance(grounding, Grounding)
        check_wrappers(env)
        return grounding
    # Imported here: MiniGrid brings pygame, which a user of another env need not wait for.
    from gym_llmteacher.groundings import minigrid

    if minigrid.supports(env):
        check_wrappers(env)
        return minigrid.grounding_for(env)
    raise GroundingError(
        f"no grounding knows {name}; known are LLMTeacher/*, most of MiniGrid and BabyAI, "
        f"{', '.join(GROUNDINGS)}. Describe it yourself: "
        "LLMTeacherWrapper(env, grounding=ActionGrounding(describe=lambda obs: '...', "
        "actions=['go left', ...], task='...'))."
    )


def grounding_of(env: gym.Env[Any, Any], given: Grounding | None) -> Grounding:
    """The grounding that a wrapper around ``env`` uses: the one it was given, or one that is found.

    One that `OptionsWrapper` was given describes what is inside it; outside, its options are the
    actions.

    :raises GroundingError: none knows this env, or it does not fit
    """
    if ChosenOptions.supports(env) and env.get_wrapper_attr("grounding") is given:
        given = None
    grounding = find_grounding(env) if given is None else given
    check_grounding(grounding, env)
    return grounding


_SEVERAL = (
    "Name the values of every action dimension: LLMTeacherWrapper(env, "
    "grounding=MultiDiscreteGrounding(describe, {'gear': ['reverse', 'forward'], ...})); or let "
    "the student choose among options: OptionsWrapper(env, grounding=OptionGrounding(...))."
)


def check_actions(env: gym.Env[Any, Any], several: bool = True) -> None:
    """Check that a prior over named actions makes sense here.

    :param several: whether MultiDiscrete, dimension by dimension, will do as well
    :raises GroundingError: the action space is not Discrete from 0
    """
    space = env.action_space
    if isinstance(space, gym.spaces.MultiDiscrete):
        if several and action_sizes(space) and not np.any(space.start):
            return
        raise GroundingError(
            f"the action space is {space}, expected Discrete; or a flat MultiDiscrete from 0, "
            f"which is taught dimension by dimension. {_SEVERAL}"
        )
    if not isinstance(space, gym.spaces.Discrete):
        raise GroundingError(
            f"the action space is {space}, expected Discrete: a teacher's prior is a distribution "
            "over named actions. Let the student choose among options of yours: "
            "OptionsWrapper(env, grounding=OptionGrounding(describe, {'brake': lambda obs: ...})); "
            "or discretise the actions with a gymnasium.ActionWrapper."
        )
    if space.start != 0:
        raise GroundingError(
            f"the action space is {space}, expected Discrete starting at 0, as Stable-Baselines3 "
            "needs. Shift the actions with gymnasium.wrappers.TransformAction."
        )


def check_grounding(grounding: Grounding, env: gym.Env[Any, Any]) -> None:
    """Check at construction what can be checked without stepping the env.

    :raises GroundingError: not a grounding, or its action names do not match the env's actions
    """
    if not isinstance(grounding, Grounding):
        raise GroundingError(
            f"grounding is {grounding!r}, expected a Grounding such as "
            "ActionGrounding(describe, actions, task)."
        )
    several = isinstance(env.action_space, gym.spaces.MultiDiscrete)
    if several and not isinstance(grounding, MultiDiscreteGrounding):
        raise GroundingError(
            f"the action space is {env.action_space}, and {type(grounding).__name__} speaks of one "
            f"choice only. {_SEVERAL}"
        )
    if isinstance(grounding, (ActionGrounding, MultiDiscreteGrounding)):
        grounding.check(env)
