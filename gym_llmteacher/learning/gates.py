"""Reasons to trust a piece of advice less, as factors of its weight.

============== ===================================================================================
gate           factor
============== ===================================================================================
``confidence`` ``1 - H(prior) / log n``: an undecided teacher counts less
``advantage``  0 where the student's action differed from the teacher's best and did better than
               expected, else 1 (the idea of the Q-filter, arXiv 1709.10089)
``proximal``   ``max(π / π_old, 1 - 0.2)`` of the action taken (Proximal Policy Distillation,
               arXiv 2407.15134)
============== ===================================================================================

All are off unless asked for: none helps everywhere (``docs/results.md``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch as th
from torch import Tensor

from gym_llmteacher.errors import ScheduleError

GATES = ("confidence", "advantage", "proximal")
_CLIP = 0.2


def checked_gates(gates: str | Iterable[str]) -> tuple[str, ...]:
    """Return the gates as a tuple.

    :raises ScheduleError: one of them is unknown

    >>> checked_gates("advantage")
    ('advantage',)
    """
    names = (gates,) if isinstance(gates, str) else tuple(gates)
    unknown = [name for name in names if name not in GATES]
    if unknown:
        raise ScheduleError(
            f"teacher_gates has {', '.join(map(repr, unknown))}, expected some of "
            f"{', '.join(GATES)}."
        )
    return names


def gated_weight(
    gates: tuple[str, ...],
    weight: Tensor,
    prior: Tensor,
    actions: Tensor,
    advantages: Tensor,
    log_prob: Tensor,
    old_log_prob: Tensor,
) -> Tensor:
    """Multiply weights by the factors of the gates.

    :param weight: float ``(batch,)``, in [0, 1]
    :param prior: float ``(batch, n_actions)``
    :param actions: ``(batch,)``, what the student did
    :param advantages: float ``(batch,)``, not normalised
    :param log_prob: float ``(batch,)``, of the actions under the policy now
    :param old_log_prob: float ``(batch,)``, of the actions when they were taken
    :return: float ``(batch,)``, without gradient

    >>> weight, prior = th.ones(2), th.tensor([[1.0, 0.0], [0.5, 0.5]])
    >>> zero = th.zeros(2)
    >>> gated_weight(("confidence",), weight, prior, zero, zero, zero, zero).tolist()
    [1.0, 0.0]
    """
    if "confidence" in gates:
        entropy = -th.special.xlogy(prior, prior).sum(dim=1)
        weight = weight * (1.0 - entropy / math.log(prior.shape[1])).clamp(0.0, 1.0)
    if "advantage" in gates:
        better = (actions.flatten().long() != prior.argmax(dim=1)) & (advantages.flatten() > 0)
        weight = weight * ~better
    if "proximal" in gates:
        weight = weight * (log_prob - old_log_prob).detach().exp().clamp_min(1.0 - _CLIP)
    return weight
