"""A coefficient as people write it: a number, a dict, or a schedule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from gym_llmteacher.errors import ScheduleError
from gym_llmteacher.learning.adaptive import Adaptive
from gym_llmteacher.learning.schedules import CoefSchedule, Constant, Exponential, Linear, LLM4Teach

SHAPES: dict[str, type[CoefSchedule]] = {
    "constant": Constant,
    "linear": Linear,
    "exponential": Exponential,
    "llm4teach": LLM4Teach,
    "adaptive": Adaptive,
}

CoefSpec = float | Mapping[str, Any] | CoefSchedule


def default_coef(total_timesteps: int, begin: int = 0) -> LLM4Teach:
    """λ from 3 to 0.1 over 40 % of training, held to 70 %, then exactly 0 (the paper's shape).

    :param begin: env steps that the student has trained without a teacher

    >>> default_coef(1000, begin=500)
    LLM4Teach(start=3.0, floor=0.1, decay_steps=400.0, cut_steps=700.0, begin=500.0)
    """
    steps = max(1, total_timesteps)
    decay, cut = max(1, 0.4 * steps), max(1, 0.7 * steps)
    return LLM4Teach(3.0, 0.1, decay_steps=decay, cut_steps=cut, begin=float(begin))


def constant_coef(total_timesteps: int, begin: int = 0) -> Constant:
    """λ = 1 to the end: what Q-learning has not found out for itself it undoes without advice.

    How much advice counts against what was found out is for the temperature to say, in units of
    return.

    >>> constant_coef(1000)(999)
    1.0
    """
    return Constant(1.0)


def coef_schedule(spec: CoefSpec) -> CoefSchedule:
    """Make a schedule of a number, a dict ``{"shape": name, ...}`` or a schedule.

    :raises ScheduleError: for negative or rising coefficients, unknown shapes or arguments

    >>> coef_schedule({"shape": "linear", "start": 1.0, "steps": 10})(5)
    0.5
    """
    if isinstance(spec, CoefSchedule):
        return spec
    if isinstance(spec, Mapping):
        arguments = dict(spec)
        shape = arguments.pop("shape", None)
        if shape not in SHAPES:
            raise ScheduleError(
                f"teacher_coef has shape {shape!r}, expected one of {', '.join(SHAPES)}: "
                'write {"shape": "linear", "start": 1.0, "steps": 100000}, for example.'
            )
        cls = SHAPES[shape]
        known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        unknown = sorted(set(arguments) - set(known))
        if unknown:
            raise ScheduleError(
                f"shape {shape!r} has no argument {', '.join(unknown)}; it takes "
                f"{', '.join(known)}."
            )
        try:
            return cls(**arguments)
        except TypeError as error:
            raise ScheduleError(f"teacher_coef {dict(spec)}: {error}.") from error
    if isinstance(spec, Real) and not isinstance(spec, bool):  # NumPy's numbers too
        return Constant(float(spec))
    raise ScheduleError(
        f"teacher_coef is {spec!r} ({type(spec).__name__}), expected a number, a dict with "
        '"shape", or a schedule such as LLM4Teach(10.0, 0.1, 100_000, 150_000). Functions of the '
        "remaining progress are not accepted: they climb again when training is resumed."
    )


def coef_spec(spec: CoefSpec) -> CoefSpec:
    """Validate ``spec`` and write it in its plainest form: a number, a dict, or a user's schedule.

    The inverse of `coef_schedule` for the shapes of this module; what is saved with a model.

    >>> coef_spec(Linear(1.0, 0.0, 100))
    {'shape': 'linear', 'start': 1.0, 'end': 0.0, 'steps': 100}
    """
    schedule = coef_schedule(spec)
    if isinstance(schedule, Constant):
        return schedule.value
    for shape, cls in SHAPES.items():
        if type(schedule) is cls:
            arguments = dataclasses.asdict(schedule)  # type: ignore[call-overload]
            return {"shape": shape, **{name: _plain(arguments[name]) for name in arguments}}
    return schedule


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value  # JSON knows no NumPy
