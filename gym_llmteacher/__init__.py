"""Teach small reinforcement-learning agents with large language models.

Implements LLM4Teach (Zhou et al., arXiv 2311.13373) for Gymnasium and Stable-Baselines3::

    env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"))
    model = TeacherPPO("MlpPolicy", env).learn(100_000)

Importing the package registers the ``LLMTeacher/*`` envs. Public names load lazily, so that it
takes no time and brings neither litellm nor torch along before they are needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gym_llmteacher import envs as envs  # registers the tasks

if TYPE_CHECKING:
    from gym_llmteacher.advice import Advice
    from gym_llmteacher.advising.conditions import (
        AtReset,
        BudgetLeft,
        EveryNSteps,
        NewText,
        OptionFinished,
        StudentUncertain,
        WithProbability,
    )
    from gym_llmteacher.groundings.actions import ActionGrounding
    from gym_llmteacher.groundings.base import Grounding
    from gym_llmteacher.groundings.multi_discrete import MultiDiscreteGrounding
    from gym_llmteacher.groundings.policies import Option, OptionGrounding
    from gym_llmteacher.groundings.registry import register_grounding
    from gym_llmteacher.learning.adaptive import Adaptive
    from gym_llmteacher.learning.mirror import mirror_map
    from gym_llmteacher.learning.schedules import Constant, Exponential, Linear, LLM4Teach
    from gym_llmteacher.sb3.a2c import TeacherA2C
    from gym_llmteacher.sb3.dqn import TeacherDQN
    from gym_llmteacher.sb3.eval_callback import TeacherEvalCallback
    from gym_llmteacher.sb3.features import EgoMapFeatures
    from gym_llmteacher.sb3.loop_free import LoopFreePolicy
    from gym_llmteacher.sb3.maskable_ppo import TeacherMaskablePPO
    from gym_llmteacher.sb3.ppo import TeacherPPO
    from gym_llmteacher.sb3.recurrent_ppo import TeacherRecurrentPPO
    from gym_llmteacher.sb3.vec_teacher import VecTeacher
    from gym_llmteacher.situation import Situation, Subgoal
    from gym_llmteacher.teachers.base import Teacher
    from gym_llmteacher.teachers.llm import LLMTeacher
    from gym_llmteacher.teachers.policy import PolicyTeacher
    from gym_llmteacher.teachers.process import ProcessTeacher
    from gym_llmteacher.teachers.scripted import ScriptedTeacher
    from gym_llmteacher.teachers.simulated import SimulatedTeacher
    from gym_llmteacher.wrappers.grounding import GroundingWrapper
    from gym_llmteacher.wrappers.map_memory import MapMemory
    from gym_llmteacher.wrappers.options import OptionsWrapper
    from gym_llmteacher.wrappers.overlay import PriorOverlay
    from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper
    from gym_llmteacher.wrappers.vector import VectorTeacher

__version__ = "0.1.0"

_HOMES = {
    "ActionGrounding": "groundings.actions",
    "Adaptive": "learning.adaptive",
    "Advice": "advice",
    "AtReset": "advising.conditions",
    "BudgetLeft": "advising.conditions",
    "Constant": "learning.schedules",
    "EgoMapFeatures": "sb3.features",
    "EveryNSteps": "advising.conditions",
    "Exponential": "learning.schedules",
    "MultiDiscreteGrounding": "groundings.multi_discrete",
    "Grounding": "groundings.base",
    "GroundingWrapper": "wrappers.grounding",
    "ProcessTeacher": "teachers.process",
    "Linear": "learning.schedules",
    "LLM4Teach": "learning.schedules",
    "LLMTeacher": "teachers.llm",
    "LLMTeacherWrapper": "wrappers.teacher",
    "LoopFreePolicy": "sb3.loop_free",
    "MapMemory": "wrappers.map_memory",
    "mirror_map": "learning.mirror",
    "Subgoal": "situation",
    "NewText": "advising.conditions",
    "Option": "groundings.policies",
    "OptionsWrapper": "wrappers.options",
    "OptionFinished": "advising.conditions",
    "OptionGrounding": "groundings.policies",
    "PolicyTeacher": "teachers.policy",
    "PriorOverlay": "wrappers.overlay",
    "register_grounding": "groundings.registry",
    "ScriptedTeacher": "teachers.scripted",
    "SimulatedTeacher": "teachers.simulated",
    "Situation": "situation",
    "StudentUncertain": "advising.conditions",
    "Teacher": "teachers.base",
    "TeacherA2C": "sb3.a2c",
    "TeacherDQN": "sb3.dqn",
    "TeacherEvalCallback": "sb3.eval_callback",
    "TeacherMaskablePPO": "sb3.maskable_ppo",
    "TeacherPPO": "sb3.ppo",
    "TeacherRecurrentPPO": "sb3.recurrent_ppo",
    "VecTeacher": "sb3.vec_teacher",
    "VectorTeacher": "wrappers.vector",
    "WithProbability": "advising.conditions",
}

__all__ = [
    "ActionGrounding",
    "Adaptive",
    "Advice",
    "AtReset",
    "BudgetLeft",
    "Constant",
    "EgoMapFeatures",
    "EveryNSteps",
    "Exponential",
    "Grounding",
    "GroundingWrapper",
    "LLM4Teach",
    "LLMTeacher",
    "LLMTeacherWrapper",
    "Linear",
    "LoopFreePolicy",
    "MapMemory",
    "MultiDiscreteGrounding",
    "NewText",
    "Option",
    "OptionFinished",
    "OptionGrounding",
    "OptionsWrapper",
    "PolicyTeacher",
    "PriorOverlay",
    "ProcessTeacher",
    "ScriptedTeacher",
    "SimulatedTeacher",
    "Situation",
    "StudentUncertain",
    "Subgoal",
    "Teacher",
    "TeacherA2C",
    "TeacherDQN",
    "TeacherEvalCallback",
    "TeacherMaskablePPO",
    "TeacherPPO",
    "TeacherRecurrentPPO",
    "VecTeacher",
    "VectorTeacher",
    "WithProbability",
    "mirror_map",
    "register_grounding",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
