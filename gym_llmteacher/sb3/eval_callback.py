"""SB3's evaluation during training, for taught students: no teacher, and the teacher alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecEnvWrapper,
    sync_envs_normalization,
)
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from gym_llmteacher.action_dims import action_sizes, split_dims
from gym_llmteacher.learning.priors import act_on, read_priors
from gym_llmteacher.sb3.infos import current_infos, first_infos
from gym_llmteacher.sb3.telemetry import set_teaching


class TeacherEvalCallback(EvalCallback):
    """``EvalCallback`` that never asks: ``eval_env`` may be wrapped just as the training env is.

    All arguments of ``stable_baselines3.common.callbacks.EvalCallback`` keep their names, order and
    defaults; ``eval/*`` is logged as there. Added:

    :param teacher_env: env (or VecEnv) with a teacher, to see how well the teacher does by itself.
        It then plays ``n_eval_episodes`` at each evaluation, which may ask questions; with
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
        self.teacher_env = None if teacher_env is None else _Remembering(_vectorised(teacher_env))
        self.last_teacher_reward = -np.inf

    def _init_callback(self) -> None:
        set_teaching(self.eval_env, False)
        super()._init_callback()

    def _on_step(self) -> bool:
        due = self.eval_freq > 0 and self.n_calls % self.eval_freq == 0
        if due and self.teacher_env is not None:
            self._evaluate_teacher(self.teacher_env)  # before SB3 writes the log
        return super()._on_step()

    def _evaluate_teacher(self, env: _Remembering) -> None:
        if self.model.get_vec_normalize_env() is not None:
            sync_envs_normalization(self.training_env, env.venv)
        player = _TeacherPlays(env, self.model)
        self._is_success_buffer = []
        rewards, lengths = evaluate_policy(
            player,
            env,
            n_eval_episodes=self.n_eval_episodes,
            deterministic=self.deterministic,
            return_episode_rewards=True,
            warn=self.warn,
            callback=self._log_success_callback,
        )
        self.last_teacher_reward = float(np.mean(rewards))
        self.logger.record("teacher/eval_mean_reward", self.last_teacher_reward)
        self.logger.record("teacher/eval_mean_ep_length", float(np.mean(lengths)))
        if self._is_success_buffer:
            self.logger.record("teacher/eval_success_rate", float(np.mean(self._is_success_buffer)))
        if player.same:
            self.logger.record("teacher/eval_agreement", float(np.mean(player.same)))


class _Remembering(VecEnvWrapper):
    """Keeps the infos that describe the observations returned last."""

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self.infos: Sequence[Any] = ()

    def reset(self) -> VecEnvObs:
        obs = self.venv.reset()
        self.infos = first_infos(self.venv)
        return obs

    def step_wait(self) -> VecEnvStepReturn:
        obs, rewards, dones, infos = self.venv.step_wait()
        self.infos = current_infos(self.venv, infos, dones)
        return obs, rewards, dones, infos


class _TeacherPlays:
    """Acts by the prior of the current infos, and compares with what the student would do."""

    def __init__(self, env: _Remembering, student: BaseAlgorithm) -> None:
        self.env, self.student = env, student
        self.sizes = action_sizes(env.action_space)
        self.same: list[bool] = []
        self._rng = np.random.default_rng(0)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """The teacher's actions; ``state`` is the student's."""
        rows = read_priors(self.env.infos, self.sizes)
        priors = split_dims(rows.prior, self.sizes)
        weights = rows.weight.reshape(len(rows.prior), -1).T
        theirs, state = self.student.predict(observation, state, episode_start, deterministic=True)
        columns = theirs.reshape(len(rows.prior), -1).T
        for prior, weight, column in zip(priors, weights, columns, strict=True):
            taught = weight > 0
            self.same += (prior.argmax(axis=1) == column)[taught].tolist()
        actions = [
            act_on(prior, weight, deterministic, self._rng)
            for prior, weight in zip(priors, weights, strict=True)
        ]
        return np.stack(actions, axis=1).reshape(theirs.shape), state


def _vectorised(env: gym.Env[Any, Any] | VecEnv) -> VecEnv:
    return env if isinstance(env, VecEnv) else DummyVecEnv([lambda: env])
