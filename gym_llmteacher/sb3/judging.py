"""Let the teacher play before a student is taught, and say what came of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.playing.actors import TeacherActor
from gym_llmteacher.sb3.teacher_eval import TeacherEval, evaluate_teacher

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


def let_teacher_play(
    model: BaseAlgorithm, read: Callable[[Any], Rows], episodes: int
) -> TeacherEval:
    """Let the teacher play in the student's envs, which then are as if nothing had happened.

    :param read: the priors to act on, of infos
    :param episodes: at least so many in all
    """
    env = model.env
    assert env is not None
    normalize = model.get_vec_normalize_env()
    training = normalize is not None and normalize.training
    if normalize is not None:
        normalize.training = False
    rng = np.random.default_rng(model.seed)
    actor = TeacherActor(False, rng, action_sizes(model.action_space), read)
    played = evaluate_teacher(env, actor, episodes)
    if normalize is not None:
        normalize.training = training
    if model.seed is not None:
        env.seed(model.seed)
    return played


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
