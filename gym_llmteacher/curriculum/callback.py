"""A curriculum in a training of Stable-Baselines3."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

from gym_llmteacher.curriculum.curriculum import Curriculum
from gym_llmteacher.curriculum.env import ConfiguredEnv
from gym_llmteacher.curriculum.report import Rate, rates, risen
from gym_llmteacher.errors import CurriculumError

Skill = Callable[[Any, dict[str, Any]], str]
"""(env, info at reset) -> name of the skill that the episode takes."""


def by_configuration(env: Any, info: dict[str, Any]) -> str:
    """Each original configuration is a skill: of several levels, the level."""
    return str(info["configuration"])


def by_verb(env: Any, info: dict[str, Any]) -> str:
    """The first two words of the mission: "pick up", "go to"; "solve" where there is none."""
    return " ".join(str(getattr(env.unwrapped, "mission", "solve")).split()[:2])


class CurriculumCallback(BaseCallback):
    """Measures the student in the original env every so many steps, and changes the mix.

    :param curriculum: whose ``make`` the training's envs were made with
    :param every: env steps of a cycle
    :param episodes: in the original env, per cycle; they are not counted as training steps
    :param skill: what an episode is an example of: `by_configuration`, `by_verb`, or a function of
        env and info
    :param restore: whether a mix that is dropped takes with it what was learned in it: the student
        gets the weights and the optimizer back that it had before. What is in a replay buffer stays
    :raises CurriculumError: (when the training begins) its envs are not the curriculum's

    Logged: ``curriculum/success``, ``curriculum/cycle``, ``curriculum/kept``,
    ``curriculum/skill/<name>``.
    """

    def __init__(
        self,
        curriculum: Curriculum,
        every: int = 10_000,
        episodes: int = 50,
        skill: Skill = by_configuration,
        restore: bool = True,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        if every < 1 or episodes < 1:
            raise CurriculumError(f"every is {every!r}, episodes {episodes!r}, expected 1 or more.")
        self.curriculum, self.every, self.episodes, self.skill = curriculum, every, episodes, skill
        self.restore = bool(restore)
        self._outcomes: list[tuple[str, bool]] = []
        self._good: dict[str, Any] | None = None
        self._last = 0

    def _on_training_start(self) -> None:
        # Not at construction: the envs are only known now. `is_wrapped` works across processes.
        if not all(self.training_env.env_is_wrapped(ConfiguredEnv)):
            raise CurriculumError(
                "the training's envs are not the curriculum's. Cure: make_vec_env(curriculum.make)."
            )
        self._last = self.num_timesteps
        if self.curriculum.cycle == 0:
            self._cycle()
        else:  # resumed
            self.training_env.env_method("set_mix", self.curriculum.mix)

    def _on_step(self) -> bool:
        for done, info in zip(self.locals["dones"], self.locals["infos"], strict=True):
            if done:
                self._outcomes.append((info["configuration"], _won(info)))
        if self.num_timesteps - self._last >= self.every:
            self._last = self.num_timesteps
            self._cycle()
        return True

    def _cycle(self) -> None:
        skills, measured = self._measure()
        known = {**rates(self._outcomes), **measured}
        half = len(self._outcomes) // 2
        improved = risen(rates(self._outcomes[:half]), rates(self._outcomes[half:]))
        self._outcomes = []
        mix = self.curriculum.next(skills, known, improved)
        self.training_env.env_method("set_mix", mix)
        last = self.curriculum.history[-1]
        if self.restore:
            if last["kept"]:
                self._good = copy.deepcopy(self.model.get_parameters())
            elif last["mix"] and self._good is not None:  # with no mix, it is noise or the student
                self.model.set_parameters(copy.deepcopy(self._good))
        self.logger.record("curriculum/cycle", self.curriculum.cycle)
        self.logger.record("curriculum/success", last["success"])
        self.logger.record("curriculum/kept", float(last["kept"]))
        for name, rate in skills.items():
            self.logger.record(f"curriculum/skill/{name[:40]}", rate.success)

    def _measure(self) -> tuple[dict[str, Rate], dict[str, Rate]]:
        """Success by skill, and by configuration, in the original env."""
        n = min(16, self.episodes)
        env = DummyVecEnv([self.curriculum.make_original] * n)
        env.seed(10_000)  # the same episodes every time: less noise
        obs = env.reset()
        names = [self.skill(one, info) for one, info in zip(env.envs, env.reset_infos, strict=True)]
        # Each env plays as many: short episodes are no more frequent for being short.
        left = [self.episodes // n + (i < self.episodes % n) for i in range(n)]
        skills, configurations = [], []
        while any(left):
            actions, _ = self.model.predict(obs, deterministic=False)  # type: ignore[arg-type]
            obs, rewards, dones, infos = env.step(actions)
            for i in np.flatnonzero(dones):
                info = infos[i]
                cut = info.get("TimeLimit.truncated", False)
                won = info.get("is_success", not cut and float(rewards[i]) > 0)
                if left[i]:
                    left[i] -= 1
                    skills.append((names[i], bool(won)))
                    configurations.append((info["configuration"], bool(won)))
                names[i] = self.skill(env.envs[i], env.reset_infos[i])
        env.close()
        return rates(skills), rates(configurations)


def _won(info: dict[str, Any]) -> bool:
    """Success; where the env does not say, an episode of positive return (``Monitor``)."""
    if "is_success" in info:
        return bool(info["is_success"])
    return float(info.get("episode", {}).get("r", 0.0)) > 0
