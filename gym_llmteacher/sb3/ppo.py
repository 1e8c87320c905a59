"""PPO that also learns from a teacher's prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback, Schedule

from gym_llmteacher.sb3.coef import CoefSpec
from gym_llmteacher.sb3.mixin import TeacherMixin


class TeacherPPO(TeacherMixin, PPO):
    """PPO with a teaching loss: ``L = L_PPO + λ(t) · mean_taught(w · H(prior, π))``.

    LLM4Teach (arXiv 2311.13373). The prior comes with each observation in
    ``info["teacher_prior"]``, float32 ``(n_actions,)``, with ``info["teacher_weight"]`` in [0, 1];
    `LLMTeacherWrapper` puts both there. The student always acts by itself, and a saved student
    loads in plain ``PPO``.

    All arguments of ``stable_baselines3.PPO`` keep their names, order and defaults. Added:

    :param teacher_coef: λ: a number (constant), a schedule of absolute env steps, or a dict of one
        (``{"shape": "linear", "start": 1.0, "steps": 100_000}``). ``None``: the paper's shape over
        the ``total_timesteps`` of the first ``learn``: 3 → 0.1 over 40 %, held to 70 %, then
        exactly 0 and the teacher is no longer asked. With 0 this is PPO, bit for bit.
    :param teacher_divergence: ``"cross_entropy"`` (the paper's), ``"forward_kl"`` or
        ``"reverse_kl"``
    :param teacher_gates: reasons to trust advice less: some of ``"confidence"``, ``"advantage"``,
        ``"proximal"`` (`gym_llmteacher.sb3.gates`)
    :raises GroundingError: the action space is not Discrete
    :raises ScheduleError: a negative or rising coefficient, an unknown shape or divergence
    :raises PriorError: (at ``learn``) infos carry no prior, or one that is not a distribution

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherPPO
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> model = TeacherPPO("MlpPolicy", env, n_steps=64, teacher_coef=1.0)
        >>> _ = model.learn(64)

    Logged besides PPO's own keys: ``teacher/coef``, ``teacher/loss``, ``teacher/kl`` (nats),
    ``teacher/agreement``, ``teacher/coverage`` and the teacher's totals (``teacher/calls``, ...).
    """

    def __init__(
        self,
        policy: str | type[ActorCriticPolicy],
        env: GymEnv | str | None,
        learning_rate: float | Schedule = 3e-4,
        n_steps: int = 2048,
        batch_size: int = 64,
        n_epochs: int = 10,
        gamma: float = 0.99,
        gae_lambda: float = 0.95,
        clip_range: float | Schedule = 0.2,
        clip_range_vf: float | Schedule | None = None,
        normalize_advantage: bool = True,
        ent_coef: float = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        rollout_buffer_class: type[RolloutBuffer] | None = None,
        rollout_buffer_kwargs: dict[str, Any] | None = None,
        target_kl: float | None = None,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: th.device | str = "auto",
        _init_setup_model: bool = True,
        teacher_coef: CoefSpec | None = None,
        teacher_divergence: str = "cross_entropy",
        teacher_gates: str | Sequence[str] = (),
    ) -> None:
        self._init_teacher(teacher_coef, teacher_divergence, teacher_gates)
        super().__init__(
            policy,
            env,  # type: ignore[arg-type]  # SB3 accepts None (load without env)
            learning_rate=learning_rate,
            n_steps=n_steps,
            batch_size=batch_size,
            n_epochs=n_epochs,
            gamma=gamma,
            gae_lambda=gae_lambda,
            clip_range=clip_range,
            clip_range_vf=clip_range_vf,
            normalize_advantage=normalize_advantage,
            ent_coef=ent_coef,
            vf_coef=vf_coef,
            max_grad_norm=max_grad_norm,
            use_sde=use_sde,
            sde_sample_freq=sde_sample_freq,
            rollout_buffer_class=rollout_buffer_class,
            rollout_buffer_kwargs=rollout_buffer_kwargs,
            target_kl=target_kl,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            policy_kwargs=policy_kwargs,
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=_init_setup_model,
        )

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 1,
        tb_log_name: str = "TeacherPPO",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> TeacherPPO:
        """Train; arguments as in ``PPO.learn``."""
        super().learn(
            total_timesteps, callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar
        )
        return self
