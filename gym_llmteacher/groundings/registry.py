"""Find the grounding that knows an env."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.actions import ActionGrounding
from gym_llmteacher.groundings.base import Grounding


def find_grounding(env: gym.Env[Any, Any]) -> Grounding:
    """Return a fresh grounding for ``env``.

    :raises GroundingError: no grounding knows this env
    """
    from gym_llmteacher.habitat.env import HabitatEnv

    if isinstance(env.unwrapped, HabitatEnv):
        from gym_llmteacher.groundings.habitat import HabitatGrounding

        return HabitatGrounding()
    # Imported here: MiniGrid brings pygame, which a user of another env need not wait for.
    from gym_llmteacher.groundings import minigrid

    if minigrid.supports(env):
        return minigrid.MiniGridGrounding()
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    raise GroundingError(
        f"no grounding knows {name}; known are the LLMTeacher/* envs and HabitatEnv. Describe it "
        "yourself: LLMTeacherWrapper(env, grounding=ActionGrounding(describe=lambda obs: '...', "
        "actions=['go left', ...], task='...'))."
    )


def check_actions(env: gym.Env[Any, Any]) -> None:
    """Check that a prior over named actions makes sense here.

    :raises GroundingError: the action space is not Discrete from 0
    """
    space = env.action_space
    if not isinstance(space, gym.spaces.Discrete):
        raise GroundingError(
            f"the action space is {space}, expected Discrete: a teacher's prior is a distribution "
            "over named actions. Discretise the actions with a gymnasium.ActionWrapper first."
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
    if isinstance(grounding, ActionGrounding):
        grounding.check(env)
