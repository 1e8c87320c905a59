"""Weights, multiplied by the factors of gates."""

from __future__ import annotations

from collections.abc import Sequence

import torch as th
from torch import Tensor

from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.gates import Gate, GateInputs


def gated_weight(gates: Sequence[Gate], rows: GateInputs) -> Tensor:
    """Multiply weights by the factors of the gates.

    :return: float ``(batch,)``, without gradient; 0 wherever ``rows.weight`` is
    :raises StudentError: a gate returns another shape, a negative factor or NaN

    >>> from gym_llmteacher.learning.gates import Confidence
    >>> zero, prior = th.zeros(2), th.tensor([[1.0, 0.0], [0.5, 0.5]])
    >>> rows = GateInputs(prior, prior, th.ones(2), zero, zero, zero, zero)
    >>> gated_weight([Confidence()], rows).tolist()
    [1.0, 0.0]
    """
    weight = rows.weight
    for gate in gates:
        factor = gate(rows)
        if not isinstance(factor, Tensor) or factor.shape != weight.shape:
            got = tuple(factor.shape) if isinstance(factor, Tensor) else repr(factor)
            raise StudentError(
                f"gate {gate!r} returned {got}, expected a tensor {tuple(weight.shape)}: one "
                "factor per row."
            )
        weight = weight * factor.detach().to(weight.dtype)
    if gates:
        weight = th.where(rows.weight > 0, weight, 0.0)  # 0 · NaN is not 0
        if not bool((weight >= 0).all()):
            raise StudentError(
                f"gates {tuple(gates)!r} gave a weight of {weight[~(weight >= 0)][0].item():g}, "
                "expected 0 or more: a factor below 0 teaches the opposite, and NaN ends all "
                "learning."
            )
    return weight
