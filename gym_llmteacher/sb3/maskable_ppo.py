"""MaskablePPO that also learns from a teacher's prior."""

from __future__ import annotations

from typing import Any

from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.sb3.advice_replay import AdviceReplay


class TeacherMaskablePPO(AdviceReplay, MaskablePPO):
    """MaskablePPO with a teaching loss; needs the extra ``contrib``.

    Advice for actions that are masked now is given to the others in proportion; where none of it
    is left, the step is not taught.

    All arguments of ``sb3_contrib.MaskablePPO`` keep their names, order and defaults; added are
    ``teacher_coef``, ``teacher_divergence``, ``teacher_gates``, ``teacher_eval_episodes``,
    ``teacher_replay_steps``, ``teacher_replay_size`` and ``teacher_augment`` as in `TeacherPPO`.
    A saved student loads in plain ``MaskablePPO``.

    Example::

        >>> import gymnasium as gym
        >>> from sb3_contrib.common.wrappers import ActionMasker
        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherMaskablePPO
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> env = ActionMasker(env, lambda env: [True] * 6 + [False])  # waiting is not allowed
        >>> model = TeacherMaskablePPO("MlpPolicy", env, n_steps=64, teacher_coef=1.0).learn(64)
    """

    def _playable(self, infos: Any) -> Rows:
        rows = super()._playable(infos)
        if is_masking_supported(self._vec_env):
            # Where all advice is masked: any action that is not.
            rows.prior[:] = (rows.prior + 1e-6) * get_action_masks(self._vec_env)
        return rows
