"""Talk to the teachers behind a VecEnv: switch them off, and sum what they spent."""

from __future__ import annotations

from collections.abc import Mapping

from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper

from gym_llmteacher.sb3.vec_teacher import VecTeacher


def set_teaching(env: VecEnv, on: bool) -> None:
    """Tell every `LLMTeacherWrapper` (or `GroundingWrapper`) whether a teacher is to be asked.

    Envs that put priors into ``info`` by other means are left alone.
    """
    if env.has_attr("set_teaching"):
        env.env_method("set_teaching", on)


def teacher_sums(env: VecEnv) -> dict[str, float]:
    """Sums over all teachers behind ``env``; one that is shared by several envs counts once."""
    teacher = unwrap_vec_wrapper(env, VecTeacher)
    reports: Mapping[str, Mapping[str, float]] = {}
    if teacher is not None:
        reports = {"": teacher.teacher_metrics()}
    elif env.has_attr("teacher_metrics"):
        reports = dict(env.env_method("teacher_metrics"))
    return added(*reports.values())


def added(*reports: Mapping[str, float]) -> dict[str, float]:
    """Sum reports, name by name.

    >>> added({"calls": 1.0}, {"calls": 2.0, "hits": 3.0})
    {'calls': 3.0, 'hits': 3.0}
    """
    sums: dict[str, float] = {}
    for report in reports:
        for name, value in report.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums


def teacher_totals(env: VecEnv, earlier: Mapping[str, float] | None = None) -> dict[str, float]:
    """`teacher_sums`, with ``cache_hit_rate`` in place of ``hits`` and ``asked``.

    :param earlier: sums of a process that was interrupted, to be added
    """
    totals = added(teacher_sums(env), earlier or {})
    asked, hits = totals.pop("asked", 0.0), totals.pop("hits", 0.0)
    if asked > 0:
        totals["cache_hit_rate"] = hits / asked
    return totals
