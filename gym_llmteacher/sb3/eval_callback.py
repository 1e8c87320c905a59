"""SB3's evaluation during training, for taught students: no teacher, and the teacher alone."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, sync_envs_normalization

from gym_llmteacher.action_dims import action_sizes, split_dims
from gym_llmteacher.playing.actors import Infos, StudentActor, TeacherActor
from gym_llmteacher.playing.play import play
from gym_llmteacher.sb3.telemetry import set_teaching


class TeacherEvalCallback(EvalCallback):
    """``EvalCallback`` that never asks: ``eval_env`` may be wrapped just as the training env is.

    All arguments of ``stable_baselines3.common.callbacks.EvalCallback`` keep their names, order and
    defaults; ``eval/*`` is logged as there. Added:

    :param teacher_env: env (or VecEnv) with a teacher, to see how well the teacher does by itself.
        It then plays ``n_eval_episodes`` at each evaluation, or a few more, so that every env of a
        VecEnv plays as many. That may ask questions, and late answers are waited for; with
        ``LLMTeacherWrapper(env, teacher, ask=WithProbability(0))`` it gets by on what is known
        already. Logged: ``teacher/eval_mean_reward``, ``teacher/eval_mean_ep_length``,
        ``teacher/eval_success_rate`` (where infos have ``is_success``), and
        ``teacher/eval_agreement``: in the states the teacher comes to and knows, the share in which
        the student's most likely action is the teacher's

    Example::

        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherEvalCallback, TeacherPPO
        >>> from stable_baselines3.common.monitor import Monitor
        >>> def make():
        ...     env = gym.make("LLMTeacher/SimpleDoorKey-v0")
        ...     return Monitor(LLMTeacherWrapper(env, teacher={"script": "door_key_planner"}))
        >>> callback = TeacherEvalCallback(make(), eval_freq=64, teacher_env=make(), verbose=0)
        >>> model = TeacherPPO("MlpPolicy", make(), n_steps=64, seed=0).learn(64, callback=callback)
        >>> callback.last_teacher_reward > 0.8
        True
    """

    def __init__(
        self,
        eval_env: gym.Env[Any, Any] | VecEnv,
        *args: Any,
        teacher_env: gym.Env[Any, Any] | VecEnv | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(eval_env, *args, **kwargs)
        self.teacher_env = None if teacher_env is None else _vectorised(teacher_env)
        self.last_teacher_reward = -np.inf

    def _init_callback(self) -> None:
        set_teaching(self.eval_env, False)
        super()._init_callback()

    def _on_step(self) -> bool:
        due = self.eval_freq > 0 and self.n_calls % self.eval_freq == 0
        if due and self.teacher_env is not None:
            self._evaluate_teacher(self.teacher_env)  # before SB3 writes the log
        return super()._on_step()

    def _evaluate_teacher(self, env: VecEnv) -> None:
        if self.model.get_vec_normalize_env() is not None:
            sync_envs_normalization(self.training_env, env)
        player = _Compared(self.model, self.deterministic, action_sizes(env.action_space))
        record = play(env, player, self.n_eval_episodes)
        self.last_teacher_reward = record.mean_return
        self.logger.record("teacher/eval_mean_reward", self.last_teacher_reward)
        self.logger.record("teacher/eval_mean_ep_length", record.mean_length)
        if not math.isnan(record.success):
            self.logger.record("teacher/eval_success_rate", record.success)
        if player.same:
            self.logger.record("teacher/eval_agreement", float(np.mean(player.same)))


class _Compared(TeacherActor):
    """Acts by the priors, and compares with what the student would do."""

    def __init__(self, student: BaseAlgorithm, deterministic: bool, sizes: tuple[int, ...]) -> None:
        super().__init__(deterministic, sizes=sizes)
        self._student = StudentActor(student, deterministic=True)
        self.same: list[bool] = []

    def __call__(self, obs: Any, infos: Infos, starts: NDArray[np.bool_]) -> NDArray[Any]:
        actions = super().__call__(obs, infos, starts)
        assert self.sizes is not None
        columns = self._student(obs, infos, starts).reshape(len(actions), -1).T
        priors = split_dims(self.rows.prior, self.sizes)
        for prior, weight, column in zip(priors, self.weights.T, columns, strict=True):
            taught = weight > 0
            self.same += (prior.argmax(axis=1) == column)[taught].tolist()
        return actions


def _vectorised(env: gym.Env[Any, Any] | VecEnv) -> VecEnv:
    return env if isinstance(env, VecEnv) else DummyVecEnv([lambda: env])
