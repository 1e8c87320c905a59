"""Teach small reinforcement-learning agents with large language models.

Implements LLM4Teach (Zhou et al., arXiv 2311.13373) for Gymnasium and Stable-Baselines3::

    env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"))
    model = TeacherPPO("MlpPolicy", env).learn(100_000)

Importing the package registers the ``LLMTeacher/*`` envs. Public names load lazily, so that it
takes no time and brings neither litellm nor torch along before they are needed. They are listed in
``__init__.pyi``, and nowhere else.
"""

from __future__ import annotations

import lazy_loader

from gym_llmteacher import envs as envs  # registers the tasks

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
