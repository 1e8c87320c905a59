"""Who teaches in a comparison, and what is put around an env for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.experiments.config import ComparisonConfig, StudentKind, ppo_arguments
from gym_llmteacher.llm.local import is_local
from gym_llmteacher.sb3.telemetry import teacher_sums
from gym_llmteacher.subgoals.wrapper import SubgoalWrapper
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.llm import LLMTeacher
from gym_llmteacher.teachers.make import TeacherSpec, is_language_model, make_teacher
from gym_llmteacher.teachers.scripted import ScriptedTeacher
from gym_llmteacher.teachers.totals import added
from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper

Wrap = Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]


def teacher_of(config: ComparisonConfig, offline: bool = False) -> Teacher:
    """The comparison's teacher, shared within the process.

    :param offline: a language model says what it has said in this training, and is not asked
    :raises ModelUnavailableError: it cannot be used
    """
    return _made(config, config.teacher, offline)


def subgoal_teacher_of(config: ComparisonConfig, offline: bool = False) -> Teacher | None:
    """Whose plan is shown as subgoals: the comparison's teacher, or another; ``None``: nobody's.

    :param offline: as for `teacher_of`
    """
    subgoals = config.teaching.subgoals
    if subgoals is None:
        return None
    return _made(config, subgoals.get("teacher", config.teacher), offline)


def _made(config: ComparisonConfig, spec: TeacherSpec, offline: bool) -> Teacher:
    own: dict[str, Any] = {}
    if is_language_model(spec):
        budget = config.running.budget or None
        own = {"answers": config.folder / "answers.sqlite"}
        own |= {"offline": True} if offline else {"budget": budget}
    return make_teacher(spec, **own)


def is_remote(teacher: Teacher | None) -> bool:
    """Whether questions go over a network, so that many may be open while stepping goes on."""
    return isinstance(teacher, LLMTeacher) and not is_local(teacher.model)


def names_remote(spec: TeacherSpec) -> bool:
    """Whether this is the name of a teacher of the kind of `is_remote`, which is not made.

    >>> names_remote("openai/gpt-4o-mini"), names_remote("embedded")
    (True, False)
    """
    if not is_language_model(spec):
        return False
    model = spec.get("model") if isinstance(spec, Mapping) else spec
    return isinstance(model, str) and model != "embedded" and not is_local(model)


def taught(config: ComparisonConfig) -> Wrap:
    """Return a function that wraps an env with the comparison's teacher."""
    # The teacher itself, not its name: a key in the name would go wherever the env goes.
    teacher = teacher_of(config)
    return lambda env: LLMTeacherWrapper(env, teacher=teacher, ask=config.teaching.ask)


def guided(config: ComparisonConfig) -> Wrap:
    """Return a function that has an env show its subgoals and pay for them, to be trained in.

    Envs are left alone in a comparison without subgoals.
    """
    teacher = subgoal_teacher_of(config)
    # As many questions are open in all envs together as the settings say.
    each = max(1, config.running.workers // config.n_envs) if is_remote(teacher) else 0
    return _with_subgoals(config, teacher, workers=each)


def guided_play(config: ComparisonConfig, shown: bool = True, offline: bool = False) -> Wrap:
    """Return a function that wraps an env so that a student of `guided` can play in it.

    Rewards are the env's own, and each answer is waited for.

    :param shown: whether subgoals are shown; else nobody is asked
    :param offline: as for `teacher_of`
    """
    teacher = subgoal_teacher_of(config, offline)
    return _with_subgoals(config, teacher, bonus="none", dropout=0.0 if shown else 1.0)


def subgoals_fit(config: ComparisonConfig, env: gym.Env[Any, Any]) -> None:
    """Check that an env can show the comparison's subgoals. Nothing is asked or written.

    :raises GroundingError: its grounding does not know what the encoding needs
    """
    written = config.teaching.subgoals
    assert written is not None
    spec = written.get("teacher", config.teacher)
    # A language model would open its answers file, and looks at an env as the registry does.
    stand_in = ScriptedTeacher(lambda situation: ()) if is_language_model(spec) else None
    teacher = stand_in or subgoal_teacher_of(config)
    _with_subgoals(config, teacher, dropout=1.0)(env)


def _with_subgoals(config: ComparisonConfig, teacher: Teacher | None, **changed: Any) -> Wrap:
    written = config.teaching.subgoals
    if written is None:
        return lambda env: env
    plain = {name: value for name, value in written.items() if name != "teacher"}
    arguments = {**plain, "gamma": ppo_arguments(map_like=False)["gamma"], **changed}
    return lambda env: SubgoalWrapper(env, teacher, **arguments)


def sums_of(config: ComparisonConfig, kind: StudentKind, env: VecEnv) -> Mapping[str, float]:
    """Sums over all teachers of a student's training; one that teaches in two ways counts once.

    :param env: the training's
    """
    own = teacher_sums(env) if kind == "teacher" else {}
    other = subgoal_teacher_of(config)
    if other is None or (kind == "teacher" and other is teacher_of(config)):
        return own
    return added(own, other.metrics())
