"""RecurrentPPO that also learns from a teacher's prior."""

from __future__ import annotations

from sb3_contrib import RecurrentPPO

from gym_llmteacher.sb3.on_policy import TaughtOnPolicy


class TeacherRecurrentPPO(TaughtOnPolicy, RecurrentPPO):
    """RecurrentPPO with a teaching loss; needs the extra ``contrib``.

    The paper has an LSTM student too: it remembers what is no longer in view.

    All arguments of ``sb3_contrib.RecurrentPPO`` keep their names, order and defaults; added are
    ``teacher_coef``, ``teacher_divergence``, ``teacher_gates`` and ``teacher_eval_episodes`` as in
    `TeacherPPO`. A saved student loads in plain ``RecurrentPPO``.

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherRecurrentPPO
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> model = TeacherRecurrentPPO("MlpLstmPolicy", env, n_steps=64, teacher_coef=1.0)
        >>> _ = model.learn(64)
    """
