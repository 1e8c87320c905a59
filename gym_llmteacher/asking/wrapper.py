"""Whether to ask as the action of an env (When2Ask, arXiv 2306.03604)."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from gym_llmteacher.advice import Plan
from gym_llmteacher.advising.conditions import Moment
from gym_llmteacher.asking.observation import asker_observation, asker_space
from gym_llmteacher.errors import ConditionError, GroundingError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.registry import check_actions, grounding_of
from gym_llmteacher.llm.redact import without_keys
from gym_llmteacher.prior import first_applicable
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher
from gym_llmteacher.wrappers.success import with_success

GO_ON, ASK = 0, 1


class AskingWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """The action is whether to ask: 0 goes on with the plan in hand, 1 asks for a new one.

    At every step the first option of the plan that applies is carried out for one step of the env;
    with none, ``noop_action`` is done. Any algorithm of Stable-Baselines3 can learn when to ask;
    `LearnedAsk` makes a condition of it.

    Observation: a Dict of ``observation`` (the env's own), ``change`` (float32, the difference from
    the last one) and ``exhausted`` (float32 ``(1,)``, 1 where nothing of the plan in hand applies).
    Reward: the env's, less what was asked. ``info["asked"]`` and ``info["redundant"]`` are of the
    step, ``info["asks"]`` and ``info["redundant_asks"]`` the totals of the episode.

    :param env: env with Discrete actions that a grounding knows
    :param teacher: as for `LLMTeacherWrapper`; of its advice the most probable plan counts
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param ask_cost: of the first question of an episode
    :param redundant_cost: of one that was answered with the plan in hand
    :param changed_cost: of one that was answered with another plan
    :param noop_action: the env's action where the plan says nothing (MiniGrid: 6)
    :raises GroundingError: no grounding knows the env, or its actions are not Discrete
    :raises ConditionError: its observations are neither Box nor Discrete, or a cost is negative
    :raises TeacherSpecError: ``teacher`` names none

    Example::

        >>> import gym_llmteacher
        >>> env = AskingWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"), "script:door_key_planner")
        >>> _ = env.reset(seed=0)
        >>> [round(env.step(ASK)[1], 2) for _ in range(2)]
        [-0.01, -0.06]

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        teacher: TeacherSpec = None,
        grounding: Grounding | None = None,
        ask_cost: float = 0.01,
        redundant_cost: float = 0.06,
        changed_cost: float = 0.0,
        noop_action: int = 0,
    ) -> None:
        RecordConstructorArgs.__init__(
            self, teacher=without_keys(teacher), grounding=grounding, ask_cost=ask_cost,
            redundant_cost=redundant_cost, changed_cost=changed_cost, noop_action=noop_action,
        )  # fmt: skip
        gym.Wrapper.__init__(self, env)
        self.costs = (float(ask_cost), float(redundant_cost), float(changed_cost))
        if not min(self.costs) >= 0.0:
            raise ConditionError(f"the costs are {self.costs}, expected no negative numbers.")
        check_actions(env, several=False)
        self.observation_space = asker_space(env.observation_space)
        self.action_space = gym.spaces.Discrete(2)
        if not env.action_space.contains(noop_action):
            raise GroundingError(
                f"noop_action is {noop_action!r}, expected an action of {env.action_space}."
            )
        self.noop_action = noop_action
        self.teacher = make_teacher(teacher)
        self.grounding = grounding_of(env, grounding)
        self.teacher.probe()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reset the env; there is no plan yet."""
        obs, info = self.env.reset(seed=seed, options=options)
        self.grounding.reset(self.env)
        self.grounding.observe(self.env, obs)
        self._obs: Any = obs
        self._last_obs: Any = None
        self._plan: Plan | None = None
        self._option: str | None = None
        self._step = self._asks = self._redundant = 0
        self.situation: Situation = self.grounding.describe(self.env, obs)
        return self._shown(), {**info, **self._told(False, False)}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Ask or do not, then carry out the plan for one step of the env."""
        cost, redundant = self._ask() if int(action) == ASK else (0.0, False)
        _, row = first_applicable(self._plan or (), self.situation)
        chosen = self.noop_action if row is None else int(row.argmax())
        # Envs may write the next observation into the same array.
        self._last_obs, self._step = copy.deepcopy(self._obs), self._step + 1
        obs, reward, terminated, truncated, info = self.env.step(chosen)
        self._obs = obs
        self.grounding.observe(self.env, obs, chosen)
        self.situation = self.grounding.describe(self.env, obs)
        info = with_success(self.env, self.grounding, reward, terminated, truncated, info)
        info = {**info, **self._told(int(action) == ASK, redundant)}
        return self._shown(), float(reward) - cost, terminated, truncated, info

    def moment(self) -> Moment:
        """What a `Condition` would look at now."""
        finished = first_applicable((self._option or "",), self.situation)[0] is None
        return Moment(
            self.situation, self._obs, self._step, False, finished, self.teacher, 0,
            self._last_obs, self._plan,
        )  # fmt: skip

    def _ask(self) -> tuple[float, bool]:
        """A new plan; what it cost, and whether it was the old one. No answer is the old one."""
        advice = self.teacher.advise([self.situation])[0]
        first, had = self._asks == 0, self._plan
        self._asks += 1
        if not advice.abstained:
            self._plan = max(advice.plans, key=lambda pair: pair[1])[0]
            self._option = first_applicable(self._plan, self.situation)[0]
        redundant = self._plan == had and not first
        self._redundant += redundant
        asked, again, changed = self.costs
        return (asked if first else again if redundant else changed), redundant

    def _told(self, asked: bool, redundant: bool) -> dict[str, Any]:
        totals = {"asks": self._asks, "redundant_asks": self._redundant}
        return {"asked": asked, "redundant": redundant, **totals}

    def _shown(self) -> dict[str, Any]:
        _, row = first_applicable(self._plan or (), self.situation)
        return asker_observation(self.observation_space, self._obs, self._last_obs, row is None)
