"""Discrete soft actor-critic that also learns from a teacher's prior."""

from __future__ import annotations

from typing import Any

import torch as th

from gym_llmteacher.sb3.discrete_sac import DiscreteSAC
from gym_llmteacher.sb3.off_policy import TaughtOffPolicy


class TeacherSAC(TaughtOffPolicy, DiscreteSAC):
    """Discrete SAC with a teaching loss: ``L = L_SAC + λ(t) · mean_taught(w · H(prior, π))``.

    The student of SAC-GLAM (arXiv 2410.12481): off-policy, with hindsight by SB3's
    ``HerReplayBuffer`` and `MissionGoals`. The teacher speaks to the actor, and the critics learn
    from rewards alone.

    Stable-Baselines3's SAC has no Discrete actions; this one stands on
    `gym_llmteacher.sb3.discrete_sac.DiscreteSAC`, whose arguments it takes, with those of SB3's
    off-policy algorithms by keyword (``train_freq``, ``gradient_steps``, ``replay_buffer_class``,
    ``policy_kwargs``, ``seed``, ...). Added are ``teacher_coef`` (1 to the end by default),
    ``teacher_divergence`` and ``teacher_eval_episodes`` as in `TeacherPPO`.

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherSAC
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> model = TeacherSAC("MlpPolicy", env, learning_starts=32).learn(64)
    """

    @property
    def _taught_network(self) -> Any:
        return self.policy.actor

    def _log_probs(self, outputs: th.Tensor) -> th.Tensor:
        return outputs.log_softmax(dim=1)
