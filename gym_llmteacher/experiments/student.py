"""An untrained student, and the envs it is trained in."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.advising.conditions import Condition, StudentUncertain
from gym_llmteacher.advising.named import condition_of
from gym_llmteacher.curriculum.callback import CurriculumCallback
from gym_llmteacher.curriculum.curriculum import Curriculum
from gym_llmteacher.curriculum.written import curriculum_of
from gym_llmteacher.errors import ConditionError, CurriculumError, GroundingError
from gym_llmteacher.experiments.config import ComparisonConfig, StudentKind, ppo_arguments
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.teaching import (
    Wrap,
    guided,
    is_remote,
    names_remote,
    subgoals_fit,
    taught,
    teacher_of,
)
from gym_llmteacher.sb3.ppo import TeacherPPO
from gym_llmteacher.sb3.vec_teacher import VecTeacher
from gym_llmteacher.wrappers.grounding import GroundingWrapper


def is_map(env_id: str) -> bool:
    """Whether the env's observations are small maps of integer codes."""
    space = make_env(env_id).observation_space
    if not isinstance(space, gym.spaces.Box) or len(space.shape) != 3:
        return False
    return float(space.high.max()) < 64


def policy_for(space: gym.spaces.Space[Any]) -> str:
    """SB3's policy for observations that are no small maps.

    >>> policy_for(gym.spaces.Dict({"x": gym.spaces.Discrete(2)}))
    'MultiInputPolicy'
    """
    if isinstance(space, gym.spaces.Dict):
        return "MultiInputPolicy"
    return "CnnPolicy" if is_image_space(space) else "MlpPolicy"


def check_env(config: ComparisonConfig) -> None:
    """Make the env once, before anything is written or asked.

    :raises CurriculumError: the original cannot be made
    :raises ConditionError: the student cannot be shown to a condition
    :raises GroundingError: Stable-Baselines3 cannot learn from its observations, or nothing knows
        what they mean
    """
    _check_ask(config)
    written = curriculum_for(config)
    if written is not None:
        try:
            written[0].make_original().close()
        except TypeError as error:  # of whoever makes the env: it takes no such argument
            raise CurriculumError(
                f"the original {written[0].originals[0]!r} cannot be made ({error}), expected env, "
                f"an env id (default: {config.env}), and keyword arguments of it."
            ) from None
    env = make_env(config.env)
    try:
        space = env.observation_space
        if isinstance(space, (gym.spaces.Tuple, gym.spaces.Sequence, gym.spaces.Text)):
            raise GroundingError(
                f"the observations of {config.env} are {space}, which Stable-Baselines3 does not "
                "take; expected a Box, Discrete, MultiDiscrete, MultiBinary or Dict. Cure: "
                "register the env with a gymnasium.wrappers.FlattenObservation around it."
            )
        if "teacher" in config.students:
            GroundingWrapper(env)
        if config.teaching.subgoals is not None:
            _check_subgoals(config, env)
    finally:
        env.close()


def _check_ask(config: ComparisonConfig) -> None:
    watches = any(isinstance(part, StudentUncertain) for part in _conditions(config))
    beside = {"--subgoals": config.teaching.subgoals, "--curriculum": config.teaching.curriculum}
    for option, given in beside.items():
        if watches and given is not None:
            raise ConditionError(
                f"--ask is {config.teaching.ask!r} with {option}, expected no student_uncertain: "
                "it has the student look at what the teacher sees, and the student sees more, or "
                f"in another env. Cure: another condition, or no {option}."
            )


def _check_subgoals(config: ComparisonConfig, env: gym.Env[Any, Any]) -> None:
    if isinstance(env.observation_space, gym.spaces.Dict):
        raise GroundingError(
            f"the observations of {config.env} are {env.observation_space}, expected no Dict: "
            "subgoals are put beside them in one, and Stable-Baselines3 takes none inside another. "
            "Cure: register the env with a gymnasium.wrappers.FlattenObservation around it, or "
            "leave --subgoals out."
        )
    subgoals_fit(config, env)
    looks_back = any(part.looks_back for part in _conditions(config))
    if looks_back and "teacher" in config.students and names_remote(config.teacher):
        raise ConditionError(
            f"--ask is {config.teaching.ask!r} with --subgoals and a model over the network, "
            "expected no learned condition: it knows the env's own observations, and there are "
            "subgoals in those that it would get. Cure: another condition, or no subgoals."
        )


def _conditions(config: ComparisonConfig) -> list[Condition]:
    """Those that ``--ask`` is made of."""
    condition = condition_of(config.teaching.ask)
    return [] if condition is None else list(condition.parts())


def make_student(config: ComparisonConfig, kind: StudentKind, seed: int, verbose: int = 0) -> PPO:
    """Make an untrained student: the same PPO every time, with a teacher or without."""
    subgoals = config.teaching.subgoals is not None
    arguments: dict[str, Any] = {**ppo_arguments(is_map(config.env), subgoals), "seed": seed}
    policy = arguments.pop("policy")
    env = make_train_env(config, kind, seed)
    if policy == "MlpPolicy":
        policy = policy_for(env.observation_space)
    if kind == "teacher":
        return TeacherPPO(
            policy,
            env,
            teacher_coef=config.teaching.coef,
            device="cpu",
            verbose=verbose,
            **arguments,
        )
    return PPO(policy, env, device="cpu", verbose=verbose, **arguments)


def curriculum_for(
    config: ComparisonConfig, wrapper: Wrap | None = None
) -> tuple[Curriculum, CurriculumCallback] | None:
    """The comparison's curriculum, at its beginning; ``None``: it has none.

    :param wrapper: around each env
    """
    if config.teaching.curriculum is None:
        return None

    def make(env: str = config.env, **arguments: Any) -> gym.Env[Any, Any]:
        made = make_env(env, **arguments)
        return made if wrapper is None else wrapper(made)

    return curriculum_of(config.teaching.curriculum, make)


def make_train_env(config: ComparisonConfig, kind: StudentKind, seed: int) -> VecEnv:
    """Make the envs a student is trained in, wrapped with the teacher if it has one.

    Subgoals are outermost: they are not the teacher's to see.
    """
    shown = guided(config)

    def make(wrapper: Wrap) -> VecEnv:
        written = curriculum_for(config, wrapper)
        if written is not None:
            return make_vec_env(written[0].make, config.n_envs, seed=seed)
        return make_vec_env(
            lambda: make_env(config.env),
            config.n_envs,
            seed=seed,
            wrapper_class=wrapper,
        )

    if kind != "teacher":
        return make(shown)
    if is_remote(teacher := teacher_of(config)):
        # Questions of all envs are answered side by side, while stepping goes on.
        running = config.running
        return VecTeacher(
            make(lambda env: shown(GroundingWrapper(env))), teacher, ask=config.teaching.ask,
            workers=running.workers, late_timeout=running.late_timeout,
        )  # fmt: skip
    inner = taught(config)
    return make(lambda env: shown(inner(env)))
