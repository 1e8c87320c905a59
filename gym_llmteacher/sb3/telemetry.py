"""Talk to the teachers behind a VecEnv: switch them off, wait for them, sum what they spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper

from gym_llmteacher.advising.adviser import K
from gym_llmteacher.errors import StudentError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.prior import Pending
from gym_llmteacher.sb3.vec_teacher import VecTeacher
from gym_llmteacher.teachers.totals import added


def set_teaching(env: VecEnv, every: int) -> None:
    """Tell every `LLMTeacherWrapper` (or `GroundingWrapper`) how often a teacher is to be asked.

    Envs that put priors into ``info`` by other means are left alone.

    :param every: at every step of so many; 0: not at all
    :raises StudentError: 2 or more, and the envs cannot be told
    """
    if env.has_attr("set_teaching"):
        env.env_method("set_teaching", every)
    elif every > 1:
        raise StudentError(
            f"teacher_every is {every}, but nobody behind the env can be told to leave steps out: "
            "wrap it with LLMTeacherWrapper or VecTeacher, or set the weight of those steps to 0."
        )


def use_experience(env: VecEnv, experience: Experience) -> None:
    """Whoever teaches behind ``env`` advises in the light of experience from now on."""
    _hand_over(env, "use_experience", experience)


def use_record(env: VecEnv, experience: Experience) -> None:
    """Advice says what it has come to from now on (`RecordedTeacher`), and is else as before."""
    _hand_over(env, "use_record", experience)


def watch_student(env: VecEnv, student: Any) -> None:
    """Conditions behind ``env``, which is in this process, look at this student from now on."""
    _hand_over(env, "watch_student", student)


def _hand_over(env: VecEnv, method: str, what: Any) -> None:
    """To the one teacher of all envs, or to that of each."""
    teacher = unwrap_vec_wrapper(env, VecTeacher)
    if teacher is not None:
        getattr(teacher, method)(what)
    else:
        env.env_method(method, what)


def late_priors(
    env: VecEnv, pending: Mapping[K, Pending], env_of: Callable[[K], int], timeout: float | None
) -> Iterator[tuple[K, NDArray[Any], Any]]:
    """Wait for late answers, whoever behind ``env`` asked.

    :param pending: what waits for an answer, by any key
    :param env_of: number of the env that a key belongs to
    :param timeout: seconds for all envs together; ``None``: as long as each wrapper says
    :return: key, prior and weight of those that have arrived
    """
    teacher = unwrap_vec_wrapper(env, VecTeacher)
    if teacher is not None:
        yield from teacher.late_priors(pending, timeout)
    elif pending and env.has_attr("late_priors"):
        ends = None if timeout is None else time.monotonic() + timeout
        for i in sorted({env_of(key) for key in pending}):
            own = {key: asked for key, asked in pending.items() if env_of(key) == i}
            left = None if ends is None else max(0.0, ends - time.monotonic())
            yield from env.env_method("late_priors", own, left, indices=i)[0]


def teacher_sums(env: VecEnv) -> dict[str, float]:
    """Sums over all teachers behind ``env``; one that is shared by several envs counts once."""
    teacher = unwrap_vec_wrapper(env, VecTeacher)
    reports: Mapping[str, Mapping[str, float]] = {}
    if teacher is not None:
        reports = {"": teacher.teacher_metrics()}
    elif env.has_attr("teacher_metrics"):
        reports = dict(env.env_method("teacher_metrics"))
    return added(*reports.values())


def teacher_totals(env: VecEnv, earlier: Mapping[str, float] | None = None) -> dict[str, float]:
    """`teacher_sums`, `with_hit_rate`.

    :param earlier: sums of a process that was interrupted, to be added
    """
    return with_hit_rate(added(teacher_sums(env), earlier or {}))


def with_hit_rate(sums: Mapping[str, float]) -> dict[str, float]:
    """Sums with ``cache_hit_rate`` in place of ``hits`` and ``asked``.

    >>> with_hit_rate({"calls": 1.0, "hits": 3.0, "asked": 4.0})
    {'calls': 1.0, 'cache_hit_rate': 0.75}
    """
    totals = dict(sums)
    asked, hits = totals.pop("asked", 0.0), totals.pop("hits", 0.0)
    if asked > 0:
        totals["cache_hit_rate"] = hits / asked
    return totals
