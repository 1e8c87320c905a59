"""A Stable-Baselines3 policy as teacher: policy distillation with the same student."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import gymnasium as gym
import numpy as np

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import GroundingError, TeacherSpecError
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.groundings.observation import ObservationGrounding
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher

if TYPE_CHECKING:
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm


class PolicyTeacher(Teacher):
    """Advises what a trained actor-critic policy would do, with its own probabilities.

    :param model: a PPO or A2C model, or the path of a zip saved by ``PPO`` (or `TeacherPPO`), with
        a Discrete action space and the observations that the wrapped env gives
    :raises TeacherSpecError: there is no such file, or no model in it
    :raises GroundingError: the model's actions are not Discrete

    Example::

        >>> from stable_baselines3 import PPO
        >>> expert = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8)
        >>> env = gym.make("CartPole-v1")
        >>> from gym_llmteacher import LLMTeacherWrapper
        >>> _, info = LLMTeacherWrapper(env, teacher=PolicyTeacher(expert)).reset(seed=0)
        >>> info["teacher_prior"].shape
        (2,)
    """

    def __init__(self, model: OnPolicyAlgorithm | str | os.PathLike[str]) -> None:
        from stable_baselines3 import PPO

        loaded: Any = model
        if isinstance(model, (str, os.PathLike)):
            try:
                loaded = PPO.load(os.fspath(model), device="cpu")
            except (OSError, ValueError, KeyError, BadZipFile) as error:
                raise TeacherSpecError(
                    f"{os.fspath(model)} cannot be loaded as a teacher ({error}); expected the "
                    "path of a zip saved by PPO."
                ) from None
        if not isinstance(loaded.action_space, gym.spaces.Discrete):
            raise GroundingError(
                f"the teacher's action space is {loaded.action_space}, expected Discrete."
            )
        self.policy = loaded.policy
        self.n_actions = int(loaded.action_space.n)

    def grounding_for(self, env: gym.Env[Any, Any]) -> Grounding | None:
        """Observations go to the policy as they are.

        :raises GroundingError: the env has another number of actions or other observations
        """
        space = env.action_space
        if not isinstance(space, gym.spaces.Discrete) or int(space.n) != self.n_actions:
            raise GroundingError(
                f"the teacher acts in Discrete({self.n_actions}), the env in {space}; they must be "
                "the same."
            )
        if env.observation_space != self.policy.observation_space:
            raise GroundingError(
                f"the teacher observes {self.policy.observation_space}, the env gives "
                f"{env.observation_space}; wrap the env as the teacher's was, inside the teacher."
            )
        return ObservationGrounding(self.n_actions)

    @property
    def reads_observations(self) -> bool:
        """A policy knows nothing else."""
        return True

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise with the policy's action probabilities.

        :raises GroundingError: a situation has no observation, or its options are not the env's
            actions
        """
        return [self._advise(situation) for situation in situations]

    def _advise(self, situation: Situation) -> Advice:
        import torch as th

        rows = np.asarray(situation.option_actions)
        if situation.obs is None or not np.array_equal(rows, np.eye(self.n_actions)):
            raise GroundingError(
                f"a policy teacher was asked about {situation.text!r} with the options "
                f"{', '.join(situation.options)}; expected an observation, and the env's "
                f"{self.n_actions} actions as options. Cure: leave the grounding out, or use "
                f"GroundingWrapper(env, grounding=ObservationGrounding({self.n_actions}))."
            )
        with th.no_grad():
            tensor, _ = self.policy.obs_to_tensor(situation.obs)
            probs = self.policy.get_distribution(tensor).distribution.probs[0]
        values = np.asarray(probs.cpu(), dtype=np.float64)
        pairs = zip(situation.options, values.tolist(), strict=True)
        return Advice.from_counts({(option,): p for option, p in pairs})
