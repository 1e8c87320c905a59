"""An SB3 VecEnv, to be played as all other envs are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize, unwrap_vec_wrapper

from gym_llmteacher.playing.drivers import Driver, Stepped
from gym_llmteacher.prior import Pending
from gym_llmteacher.sb3.infos import current_infos, first_infos
from gym_llmteacher.sb3.telemetry import late_priors
from gym_llmteacher.sb3.vec_teacher import VecTeacher


class VecEnvs(Driver):
    """A VecEnv, which resets by itself.

    :param env: it stays open
    :param seed: of the first reset; ``None``: whatever comes next
    """

    def __init__(self, env: VecEnv, seed: int | None) -> None:
        self.env, self.n_envs, self.action_space = env, env.num_envs, env.action_space
        self.live = np.ones(self.n_envs, dtype=np.bool_)
        self.seeds = [None if seed is None else seed + i for i in range(self.n_envs)]
        if seed is not None:
            env.seed(seed)

    def start(self) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        obs = self.env.reset()
        return obs, first_infos(self.env)

    def step(self, actions: NDArray[Any], last: NDArray[np.bool_]) -> Stepped:
        obs, rewards, dones, ends = self.env.step(actions)
        cut = np.array([bool(info.get("TimeLimit.truncated")) for info in ends])
        self.seeds = [None if o else s for o, s in zip(dones | last, self.seeds, strict=True)]
        infos = current_infos(self.env, ends, dones)
        return Stepped(obs, infos, rewards, dones & ~cut, dones & cut, ends, dones)

    def return_of(self, total: float, end: Mapping[str, Any]) -> float:
        """As ``Monitor`` has it, where there is one: rewards may be normalised."""
        monitored = end.get("episode")
        return float(monitored.get("r", total)) if isinstance(monitored, Mapping) else total

    def own(self, rewards: NDArray[Any]) -> NDArray[Any]:
        """As they were before `VecNormalize`."""
        normalize = unwrap_vec_normalize(self.env)
        return rewards if normalize is None else normalize.get_original_reward()

    def said(self, i: int) -> Pending:
        teacher = unwrap_vec_wrapper(self.env, VecTeacher)
        if teacher is not None:
            return teacher.said(i)
        if not self.env.has_attr("said"):
            return Pending((), ())
        said = self.env.env_method("said", indices=i)[0]
        assert isinstance(said, Pending)
        return said

    def late(self, pending: Mapping[int, Pending]) -> Iterable[tuple[int, Any, Any]]:
        return late_priors(self.env, pending, lambda i: i, None)
