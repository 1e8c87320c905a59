"""Read the teacher's priors out of infos, and act on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.action_dims import split_dims
from gym_llmteacher.errors import PriorError
from gym_llmteacher.prior import Pending, uniform_prior


class Rows(NamedTuple):
    """What the teacher says to the observations of all envs.

    :param prior: float32 ``(n_envs, n_actions)``; for MultiDiscrete the priors of its dimensions,
        one after the other
    :param weight: float32 ``(n_envs,)``; of several action dimensions ``(n_envs, n_dims)``
    :param pending: by env, priors whose advice has not arrived yet (their weight is 0 so far)
    :param goal_states: by env, what is needed to ask about another goal (``teacher_goal_state``)
    :param value: float32 like ``weight``: the teacher's return from here on, by its record; NaN
        where there is none. ``None``: there is none at all
    """

    prior: NDArray[np.float32]
    weight: NDArray[np.float32]
    pending: dict[int, Pending]
    goal_states: Mapping[int, Any] = MappingProxyType({})
    value: NDArray[np.float32] | None = None


_CURE = (
    "Wrap the env before it is vectorised: LLMTeacherWrapper(env), or "
    "make_vec_env(..., wrapper_class=LLMTeacherWrapper). If it is: a wrapper outside it must "
    "return the info it was given, from reset() as from step()."
)


def read_priors(
    infos: Sequence[Mapping[str, Any]], sizes: tuple[int, ...], required: bool = True
) -> Rows:
    """Stack ``teacher_prior``, ``teacher_weight`` and ``teacher_value`` of one info per env.

    A missing weight is 1; a missing prior has weight 0, unless it is required; a missing value is
    NaN.

    :param sizes: number of actions of each action dimension (`action_sizes`)
    :param required: whether a missing prior is an error
    :return: float32 rows; where the weight is 0, the prior is uniform
    :raises PriorError: a prior is missing, misshapen or not a distribution; a weight is no float,
        misshapen or not in [0, 1]

    >>> read_priors([{"teacher_prior": [0.25, 0.75], "teacher_weight": 0.5}, {}], (2,), False)[:2]
    (array([[0.25, 0.75],
           [0.5 , 0.5 ]], dtype=float32), array([0.5, 0. ], dtype=float32))
    """
    n_actions = sum(sizes)
    prior = np.empty((len(infos), n_actions), dtype=np.float32)
    prior[:] = placeholder = uniform_prior(*sizes)
    weight = np.zeros((len(infos), len(sizes)), dtype=np.float32)
    for i, info in enumerate(infos):
        row = info.get("teacher_prior")
        if row is None:
            if required:
                raise PriorError(
                    f"info has no 'teacher_prior' (env {i} gave keys {sorted(infos[i])}), "
                    f"expected one: teacher_coef is above 0, or a teacher is to play. {_CURE}"
                )
            continue
        if getattr(row, "shape", None) != (n_actions,) and np.shape(row) != (n_actions,):
            raise PriorError(
                f"teacher_prior of env {i} has shape {np.shape(row)}, expected ({n_actions},): one "
                "probability per action of the env the student acts in."
            )
        given = info.get("teacher_weight", 1.0)
        if not isinstance(given, float) and np.asarray(given).dtype.kind != "f":
            raise PriorError(
                f"teacher_weight of env {i} is {given!r} ({type(given).__name__}), expected a "
                "float: write float(weight), or an array of dtype float32. Gymnasium's vector envs "
                "take the type from the first env: an integer there turns 0.5 elsewhere into 0."
            )
        try:
            prior[i], weight[i] = np.asarray(row), np.asarray(given)  # of tensors, too
        except ValueError:
            raise PriorError(
                f"teacher_weight of env {i} has shape {np.shape(given)}, expected one number in "
                f"[0, 1], or {len(sizes)}: one per action dimension."
            ) from None
    taught = weight > 0
    in_range = (weight >= 0) & (weight <= 1)
    good = np.array([_is_distribution(part) for part in split_dims(prior, sizes)]).T
    if not (good | ~taught).all() or not in_range.all():
        i = int(np.flatnonzero(((taught & ~good) | ~in_range).any(axis=1))[0])
        raise PriorError(
            f"env {i} gave teacher_prior={prior[i].tolist()} with teacher_weight="
            f"{weight[i].squeeze().tolist()}; expected finite probabilities that sum to 1 (for "
            "MultiDiscrete: in each dimension) and a weight in [0, 1]. A teacher that does not "
            "know should abstain with weight 0."
        )
    # A placeholder may be anything, even NaN, and 0 · NaN is not 0.
    if not taught.all():
        prior = np.where(np.repeat(taught, sizes, axis=1), prior, placeholder)
    pending = {
        i: info["teacher_pending"] for i, info in enumerate(infos) if "teacher_pending" in info
    }
    states = {
        i: info["teacher_goal_state"]
        for i, info in enumerate(infos)
        if "teacher_goal_state" in info
    }
    value = None
    if any("teacher_value" in info for info in infos):
        value = np.full_like(weight, math.nan)
        for i, info in enumerate(infos):
            value[i] = info.get("teacher_value", math.nan)
        value = value if len(sizes) > 1 else value[:, 0]
    return Rows(prior, weight if len(sizes) > 1 else weight[:, 0], pending, states, value)


def _is_distribution(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    # One comparison catches NaN too: NaN is not <= anything.
    good = (np.abs(rows.sum(axis=1) - 1.0) <= 1e-3) & (rows >= 0).all(axis=1)
    return np.asarray(good)


def act_on(
    priors: NDArray[Any], weights: NDArray[Any], deterministic: bool, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Actions by priors: the most likely or drawn; at random where the teacher abstains.

    :param priors: ``(n, n_actions)``
    :param weights: ``(n,)``, 0 where the prior is a placeholder
    :param deterministic: whether to take the most likely action
    :return: int64 ``(n,)``

    >>> act_on(np.array([[0.2, 0.8]]), np.array([1.0]), True, np.random.default_rng(0)).tolist()
    [1]
    """
    if deterministic:
        # argmax of a uniform placeholder would always be action 0.
        random = rng.integers(priors.shape[1], size=len(priors))
        return np.where(weights > 0, priors.argmax(axis=1), random).astype(np.int64)
    cumulative = priors.cumsum(axis=1)
    draws = rng.random((len(priors), 1)) * cumulative[:, -1:]
    return np.asarray((draws >= cumulative).sum(axis=1), dtype=np.int64)
