"""Let a teacher practise: it plays by itself and learns which of its options pay."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.experience.origin import goal_of
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.practice.practised import PractisedTeacher
from gym_llmteacher.practice.session import Session
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher

MakeEnv = Callable[[], gym.Env[Any, Any]]


def practise(
    teacher: TeacherSpec,
    env: gym.Env[Any, Any] | MakeEnv,
    steps: int = 10_000,
    *,
    seed: int = 0,
    grounding: Grounding | None = None,
    experience: Experience | str | os.PathLike[str] | None = None,
    enough: float = 0.9,
    episodes: int | None = None,
    max_steps: int | None = None,
    watch: Callable[[int, Experience], None] | None = None,
) -> PractisedTeacher:
    """Let a teacher play by itself, and learn from how its episodes end. No question more is asked.

    At each situation an option is chosen by PUCT, with the teacher's advice as the prior, and kept
    until the situation reads differently (`gym_llmteacher.practice.choosing`). It ends when enough
    of the last 20 episodes are won, when the last 100 were no better than the 100 before, or when
    the steps are spent.

    :param teacher: a `Teacher`, or what `make_teacher` makes one of; a `PractisedTeacher` goes on
        from its experience
    :param env: an env without a teacher, which stays open, or a function that makes one
    :param steps: env steps at most; all of them are counted in ``.steps`` of the result
    :param seed: of the first episode and of all that is drawn; the next has ``seed + 1``
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param experience: to go on from, or the file of it, if there is one: what is learned is saved
        there
    :param enough: share of won episodes that ends the practice
    :param episodes: at most; ``None``: as many as the steps allow
    :param max_steps: env steps per episode at most; ``None``: as the env has it
    :param watch: called after every episode with the steps so far and the experience
    :raises TeacherSpecError: a number that cannot be, or an env that has a teacher already
    :raises ExperienceError: the experience is of another env
    :raises GroundingError: no grounding knows the env

    Example::

        >>> from gym_llmteacher import ScriptedTeacher, SimulatedTeacher
        >>> wrong = SimulatedTeacher(ScriptedTeacher.named("door_key_planner"), accuracy=0.0)
        >>> teacher = practise(wrong, lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"), steps=4_000)
        >>> teacher.steps <= 4_000, teacher.report["stopped"]
        (True, 'enough')

    Change log: 0.1.0 - added.
    """
    from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper

    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise TeacherSpecError(f"steps is {steps!r}, expected a whole number: 10_000, for example.")
    if not 0.0 < enough <= 1.0:
        raise TeacherSpecError(f"enough is {enough!r}, expected a share above 0: 0.9, for example.")
    if episodes is not None and (isinstance(episodes, bool) or episodes < 1):
        raise TeacherSpecError(f"episodes is {episodes!r}, expected 1 or more: 200, for example.")
    given = make_teacher(teacher)
    before = given.experience if isinstance(given, PractisedTeacher) else None
    inner: Teacher = given.teacher if isinstance(given, PractisedTeacher) else given
    made: gym.Env[Any, Any] = env if isinstance(env, gym.Env) else env()
    if made.has_wrapper_attr("puts_priors"):
        raise TeacherSpecError(
            "practise got an env that has a teacher already (LLMTeacherWrapper), expected one "
            "without: practise(teacher, env.env)."
        )
    wrapped = LLMTeacherWrapper(made, inner, grounding, smoothing=0.0)
    origin = wrapped.origin()
    path = None if experience is None or isinstance(experience, Experience) else experience
    if path is not None and os.path.exists(path):
        before = Experience.load(path, origin)
    elif isinstance(experience, Experience):
        before = experience
    known = Experience(origin, goal_of(made)) if before is None else before
    known.check_fits(origin)
    session = Session(known, steps, seed=seed, enough=enough, watch=watch, episodes=episodes)
    try:
        report = session.run(wrapped, max_steps=max_steps)
    finally:
        if path is not None:
            known.save(path)
        if made is not env:
            made.close()
    return PractisedTeacher(inner, known, report)
