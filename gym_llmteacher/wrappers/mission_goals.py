"""The wrapper that makes a goal of what is to be done, for hindsight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.goals import taxi
from gym_llmteacher.goals.base import Bits, Goals, GoalState
from gym_llmteacher.situation import Situation


class MissionGoals(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Take observations apart into ``observation``, ``achieved_goal`` and ``desired_goal``.

    For SB3's ``HerReplayBuffer`` (hindsight experience replay, arXiv 1707.01495): goals are
    relabelled with what was achieved. Two families are known: MiniGrid's and BabyAI's missions to
    go to one thing or to pick one up (``BabyAI-GoToObj-v0``, ``GoToLocal``, ``GoTo``,
    ``PickupLoc``), and the destinations of Taxi. All three parts are vectors of bits, uint8.

    The reward is ``compute_reward``: 0 where the goal is achieved and -1 elsewhere;
    ``info["is_success"]`` tells of it too. It goes outside `LLMTeacherWrapper`, which it asks about
    goals that were not pursued: a taught student with hindsight relabels advice as well
    (SAC-GLAM, arXiv 2410.12481).

    :param env: an env of one of the two families, with its own observations
    :raises GroundingError: not such an env; (at ``reset``) a mission of another form

    Example::

        >>> import minigrid
        >>> from gym_llmteacher import LLMTeacherWrapper
        >>> env = gym.make("BabyAI-GoToObj-v0")
        >>> env = MissionGoals(LLMTeacherWrapper(env, "script:mission_planner"))
        >>> obs, info = env.reset(seed=0)
        >>> obs["observation"].shape, obs["desired_goal"].shape
        ((980,), (12,))
        >>> goals = np.stack([obs["desired_goal"], obs["achieved_goal"]])
        >>> env.compute_reward(goals, goals, [{}] * 2).tolist()
        [0.0, -1.0]

    Change log: 0.1.0 - added.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        self.goals = _goals_of(env)
        self.observation_space = gym.spaces.Dict({
            "observation": _space(self.goals.n_observations),
            "achieved_goal": _space(self.goals.n_bits),
            "desired_goal": _space(self.goals.n_bits),
        })  # fmt: skip

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Bits], dict[str, Any]]:
        """Reset the env."""
        obs, info = self.env.reset(seed=seed, options=options)
        return self.goals.read(obs)._asdict(), self._with_state(obs, info)

    def step(self, action: Any) -> tuple[dict[str, Bits], float, bool, bool, dict[str, Any]]:
        """Step the env; the reward is that of the goal."""
        obs, _, terminated, truncated, info = self.env.step(action)
        read = self.goals.read(obs)
        success = bool(self.goals.reached(read.achieved_goal, read.desired_goal))
        info = {**self._with_state(obs, info), "is_success": success}
        return read._asdict(), float(success) - 1.0, terminated, truncated, info

    def compute_reward(
        self, achieved_goal: Bits, desired_goal: Bits, info: Any
    ) -> NDArray[np.float32]:
        """0 where goals ``(..., n_bits)`` are achieved, -1 elsewhere: float32 ``(...)``."""
        return self.goals.reached(achieved_goal, desired_goal).astype(np.float32) - np.float32(1)

    # -- what the teacher says of other goals -----------------------------------------------------

    def _with_state(self, obs: Any, info: dict[str, Any]) -> dict[str, Any]:
        """Add what is needed to describe this step with another goal, while a teacher is asked."""
        if not info.get("teacher_weight") and info.get("teacher_situation") is None:
            return info
        if not self.env.has_wrapper_attr("grounding"):
            return info
        state = self.goals.state(obs, self.env.get_wrapper_attr("grounding"))
        return info if state is None else {**info, "teacher_goal_state": GoalState(state)}

    def situations(self, states: Sequence[Any], goals: Sequence[Bits]) -> list[Situation | None]:
        """What the teacher would have been asked, had these been the goals.

        :param states: what ``info["teacher_goal_state"]`` holds
        :param goals: ``(n_bits,)`` each
        """
        grounding = self.env.get_wrapper_attr("grounding")
        pairs = zip(states, goals, strict=True)
        return [self.goals.situation(state, goal, grounding) for state, goal in pairs]

    def goal_priors(
        self, states: Sequence[Any], goals: Sequence[Bits]
    ) -> list[tuple[NDArray[np.float32], float] | None]:
        """Prior and weight for other goals, by the teacher inside; ``None`` if not known yet."""
        adviser = self.env.get_wrapper_attr("adviser")
        return [adviser.elsewhere(here) for here in self.situations(states, goals)]


def _goals_of(env: gym.Env[Any, Any]) -> Goals:
    if taxi.supports(env):
        return taxi.TaxiGoals(env)
    space = env.observation_space
    if isinstance(space, gym.spaces.Dict) and {"image", "direction", "mission"} <= set(space):
        # Imported here: MiniGrid brings pygame, which a user of Taxi need not wait for.
        from gym_llmteacher.goals.missions import MissionGoals as Missions

        return Missions(env)
    raise GroundingError(
        f"the goals of {env} are not known, expected MiniGrid or BabyAI with its own observations, "
        "or Taxi. For another env write observation, achieved_goal and desired_goal, and "
        "compute_reward, yourself: HerReplayBuffer asks for no more."
    )


def _space(n: int) -> gym.spaces.Box:
    return gym.spaces.Box(0, 1, (n,), np.uint8)
