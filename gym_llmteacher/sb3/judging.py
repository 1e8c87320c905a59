"""Let the teacher play, and practise, before a student is taught; say what came of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.playing.actors import TeacherActor
from gym_llmteacher.practice.session import Session
from gym_llmteacher.sb3.teacher_eval import TeacherEval, evaluate_teacher
from gym_llmteacher.sb3.telemetry import use_experience
from gym_llmteacher.sb3.vec_teacher import VecTeacher

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

SHARE = 0.1
"""Of a training's frames, for what the teacher plays and practises, and again for a trial."""
ALONE = 0.05
"""Of a training's frames, that the student may take to earn something by itself before a trial."""
LEAST = 1_000
"""Frames that are worth judging a teacher with: shorter trainings follow it unasked."""
_LONGEST = 1_000


def is_described(env: VecEnv) -> bool:
    """Whether it can be seen what is asked and advised in these envs."""
    return unwrap_vec_wrapper(env, VecTeacher) is not None or env.has_attr("said")


def can_practise(env: VecEnv) -> bool:
    """Whether there is something to try that the student does not try by itself."""
    return is_described(env) and not env.env_method("options_are_actions", indices=0)[0]


@contextmanager
def _undisturbed(model: BaseAlgorithm) -> Iterator[VecEnv]:
    """The student's envs, which afterwards are as if nothing had happened."""
    env = model.env
    assert env is not None
    normalize = model.get_vec_normalize_env()
    training = normalize is not None and normalize.training
    if normalize is not None:
        normalize.training = False
    try:
        yield env
    finally:
        if normalize is not None:
            normalize.training = training
        if model.seed is not None:
            env.seed(model.seed)


def let_teacher_play(
    model: BaseAlgorithm,
    read: Callable[[Any], Rows],
    episodes: int,
    experience: Experience | None = None,
) -> TeacherEval:
    """Let the teacher play in the student's envs, which then are as if nothing had happened.

    :param read: the priors to act on, of infos
    :param episodes: at least so many in all
    :param experience: where what comes of it is taken down
    """
    with _undisturbed(model) as env:
        rng = np.random.default_rng(model.seed)
        actor = TeacherActor(False, rng, action_sizes(model.action_space), read)
        return evaluate_teacher(env, actor, episodes, experience)


def empty_experience(model: Any) -> Experience:
    """Of the student's env, counting returns as the student does."""
    origin = model.env.env_method("origin", indices=0)[0]
    return Experience(origin, discount=float(model.gamma))


def let_teacher_practise(
    model: BaseAlgorithm, read: Callable[[Any], Rows], steps: int
) -> tuple[Experience, dict[str, Any]]:
    """Let the teacher practise there, and advise by what it has learned from then on.

    :param steps: env steps of all envs, at most
    :return: what it has learned, and `Session.run`'s report
    """
    with _undisturbed(model) as env:
        experience = empty_experience(model)
        session = Session(experience, steps, seed=model.seed or 0, read=read)
        report = session.run(env, max_steps=_LONGEST)
        use_experience(env, experience)
    return experience, report


def figures_of(record: Mapping[str, Any] | None) -> dict[str, float]:
    """What of a teacher's record is logged: its success before it teaches, and frames it played.

    >>> figures_of({"alone": {"success": 0.0}, "practised": {"success": 0.875}, "steps": 3000})
    {'alone_success': 0.0, 'practised_success': 0.875, 'played': 3000}
    """
    record = record or {}
    found = {f"{when}_success": record.get(when, {}) for when in ("alone", "practised")}
    figures = {name: played["success"] for name, played in found.items() if played}
    return figures | ({"played": record["steps"]} if "steps" in record else {})


def warn_practised(alone: TeacherEval, practised: TeacherEval, steps: int) -> None:
    """Warn that a teacher had to practise.

    :param steps: env steps of its practice
    """
    warnings.warn(
        f"the teacher solved {alone.success:.0%} of {alone.episodes} episodes alone. It practised "
        f"for {steps:,} frames of this training and now solves {practised.success:.0%} of "
        f"{practised.episodes}. See what it is told and answers (gym-llmteacher ask), or "
        "pass teacher_eval_episodes=0 to follow it as it is.",
        stacklevel=3,
    )


def warn_not_followed(played: TeacherEval, student: Sequence[float]) -> None:
    """Warn that a teacher is not followed.

    :param student: returns of the untaught student's episodes
    """
    warnings.warn(
        f"the teacher is not followed: its mean return over {played.episodes} episodes was "
        f"{played.mean_return:.3g}, and the untaught student's over {len(student)} was "
        f"{np.mean(student):.3g}. teacher_coef is 0 from here on. Read what it is told "
        "and answers (gym-llmteacher ask), or pass teacher_eval_episodes=0 to follow it "
        "all the same.",
        stacklevel=3,
    )


def warn_trial_failed(student: Sequence[float], before: Sequence[float]) -> None:
    """Warn that the untaught student is back.

    :param student: returns of the taught one
    :param before: returns of the untaught one
    """
    warnings.warn(
        f"the teacher is not followed: taught on trial, the student earned {np.mean(student):.3g} "
        f"per episode, and {np.mean(before):.3g} untaught. The untaught student is back and "
        "teacher_coef is 0 from here on. Pass teacher_eval_episodes=0 to follow it all the same.",
        stacklevel=3,
    )
