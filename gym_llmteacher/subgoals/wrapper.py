"""A teacher's plan as subgoals: one at a time, in the observation and paid for."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from gym_llmteacher.advice import Advice
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.registry import check_actions, grounding_of
from gym_llmteacher.llm.redact import without_keys
from gym_llmteacher.situation import Situation
from gym_llmteacher.subgoals.bonus import Bonus, Way, make_bonus
from gym_llmteacher.subgoals.encodings import encoding_named
from gym_llmteacher.subgoals.keys import OBSERVATION, SUBGOAL
from gym_llmteacher.subgoals.progress import Progress
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher
from gym_llmteacher.wrappers.success import with_success


class SubgoalWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Show the student the teacher's plan, option by option, and pay for what is done of it.

    The teacher is asked at reset, and whenever a plan is done or out of date (Words as Beacons,
    arXiv 2410.08632). Observation: a Dict of ``observation`` (the env's own) and ``subgoal``
    (float32; first 1 where there is a subgoal, then the encoding). For plain PPO
    (``"MultiInputPolicy"``) as for `TeacherPPO`, with `LLMTeacherWrapper` inside.
    ``info["subgoal"]`` is the option's name, ``info["subgoals_reached"]`` and
    ``info["subgoal_asks"]`` are the episode's totals.

    :param env: env with Discrete actions that a grounding knows
    :param teacher: as for `LLMTeacherWrapper`; of its advice the most probable plan counts
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param encoding: ``"relative"`` (5 values: where it is), ``"look"`` (20: type, colour and
        state), ``"words"`` (32: hashed words of the option, for any grounding)
    :param bonus: ``"instalments"``: each subgoal pays a share once in an episode, success the rest;
        ``"potential"``: keeps the order of policies; ``"paper"``: each subgoal pays, once;
        ``"none"``; or a `Bonus`
    :param alpha: size of the bonus; ``None``: 2 for instalments, 1 for the potential, 0.2 for the
        paper's
    :param gamma: the student's discount factor, for the potential
    :param dropout: share of the episodes without subgoals, in which nothing is asked or paid: a
        student that has met them can be run without a teacher (``dropout=1.0``)
    :param workers: questions open at once in the background, while stepping goes on: there is no
        subgoal until the answer is there. 0: every answer is waited for
    :raises GroundingError: no grounding knows the env, its actions are not Discrete, or an argument
        cannot be
    :raises TeacherSpecError: ``teacher`` names none

    Example::

        >>> import gym_llmteacher
        >>> env = gym.make("LLMTeacher/SimpleDoorKey-v0")
        >>> env = SubgoalWrapper(env, "script:door_key_planner")
        >>> obs, info = env.reset(seed=0)
        >>> info["subgoal"], obs["subgoal"].shape
        ('explore', (6,))

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        teacher: TeacherSpec = None,
        grounding: Grounding | None = None,
        encoding: str = "relative",
        bonus: str | Bonus = "instalments",
        alpha: float | None = None,
        gamma: float = 0.99,
        dropout: float = 0.0,
        workers: int = 0,
    ) -> None:
        RecordConstructorArgs.__init__(
            self, teacher=without_keys(teacher), grounding=grounding, encoding=encoding,
            bonus=bonus, alpha=alpha, gamma=gamma, dropout=dropout, workers=workers,
        )  # fmt: skip
        gym.Wrapper.__init__(self, env)
        if not 0.0 <= dropout <= 1.0 or workers < 0:
            raise GroundingError(
                f"dropout is {dropout!r} and workers is {workers!r}, expected a share in [0, 1] "
                "and 0 or more."
            )
        check_actions(env, several=False)
        self.dropout = float(dropout)
        self.teacher = make_teacher(teacher)
        own = self.teacher.grounding_for(env) if grounding is None else grounding
        self.grounding = grounding_of(env, own)
        self.encoding = encoding_named(encoding, self.grounding.has_targets)
        self.bonus = make_bonus(bonus, alpha, gamma, _longest(env))
        space = gym.spaces.Box(-np.inf, np.inf, (1 + self.encoding.size,), np.float32)
        self.observation_space = gym.spaces.Dict(
            {OBSERVATION: env.observation_space, SUBGOAL: space}
        )
        if self.dropout < 1.0:
            self.teacher.probe()
        self.background = BackgroundAdvisor(self.teacher, workers) if workers else None
        self._rng = np.random.default_rng(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reset the env and ask for a plan, unless this episode goes without."""
        obs, info = self.env.reset(seed=seed, options=options)
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self.progress, self._asks = Progress(), 0
        self.guided = bool(self._rng.random() >= self.dropout)
        if not self.guided:
            return self._shown(obs), {**info, **self._told()}
        self.grounding.reset(self.env)
        self.grounding.observe(self.env, obs)
        self._situation: Situation = self.grounding.describe(self.env, obs)
        self._plan()
        self._way = self._now()
        return self._shown(obs), {**info, **self._told()}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Step the env; go on to the next subgoal if this one is done."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        # Of the env's own reward, before anything is paid.
        info = with_success(self.env, self.grounding, reward, terminated, truncated, info)
        if self.guided:
            before, steps = self._way, self.progress.steps + 1
            self._take_in(obs, int(action), float(reward), terminated or truncated)
            won = bool(terminated and info.get("is_success", float(reward) > 0))
            self._way = self._now()
            reward = float(reward) + self.bonus.pay(
                before, self._way, steps, "won" if won else "lost" if terminated else ""
            )
        return self._shown(obs), float(reward), terminated, truncated, {**info, **self._told()}

    def _take_in(self, obs: Any, action: int, reward: float, over: bool) -> None:
        self.grounding.observe(self.env, obs, action)
        before = self._situation
        if over:
            if reward > 0:
                self.progress.finish(before, action)
            return
        option = self.progress.current
        target = None if option is None else self.grounding.target(option)
        self._situation = self.grounding.describe(self.env, obs)
        self.progress.step(before, action, self._situation, target)
        if self.progress.current is None:
            self._plan()

    def _plan(self) -> None:
        """Ask for a plan; while there is none, it is asked for again at the next step."""
        advice: Advice | None
        if self.background is not None:
            advice = self.background.advice(self._situation)
        else:
            (advice,) = self.teacher.advise([self._situation])
        if advice is not None:
            self._asks += 1
            if not advice.abstained:
                plan, _ = max(advice.plans, key=lambda pair: pair[1])
                self.progress.begin(plan, self._situation)

    def _now(self) -> Way:
        """How far the student is."""
        current = self.progress.current
        target = None if current is None else self.grounding.target(current)
        return Way(self.progress.reached, None if target is None else target.left)

    def _told(self) -> dict[str, Any]:
        current = self.progress.current or ""
        reached = {"subgoals_reached": self.progress.reached, "subgoal_asks": self._asks}
        return {"subgoal": current, **reached}

    def _shown(self, obs: Any) -> dict[str, Any]:
        vector = np.zeros(1 + self.encoding.size, dtype=np.float32)
        current = self.progress.current
        if current is not None:
            vector[0] = 1.0
            vector[1:] = self.encoding.write(current, self.grounding.target(current))
        return {OBSERVATION: obs, SUBGOAL: vector}

    def close(self) -> None:
        """Close the env and give up open questions."""
        if self.background is not None:
            self.background.close()
        super().close()


def _longest(env: gym.Env[Any, Any]) -> int:
    """Most steps of an episode, if the env says."""
    spec = env.spec.max_episode_steps if env.spec is not None else None
    return int(getattr(env.unwrapped, "max_steps", None) or spec or 100)
