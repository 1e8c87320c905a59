"""A2C that also learns from a teacher's prior."""

from __future__ import annotations

from stable_baselines3 import A2C

from gym_llmteacher.sb3.advice_replay import AdviceReplay


class TeacherA2C(AdviceReplay, A2C):
    """A2C with a teaching loss; see `TeacherPPO` for what that means.

    All arguments of ``stable_baselines3.A2C`` keep their names, order and defaults; added are
    ``teacher_coef``, ``teacher_divergence``, ``teacher_gates``, ``teacher_eval_episodes``,
    ``teacher_replay_steps``, ``teacher_replay_size`` and ``teacher_augment`` as in `TeacherPPO`.
    A saved student loads in plain ``A2C``.

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherA2C
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> model = TeacherA2C("MlpPolicy", env, teacher_coef=1.0).learn(50)
    """
