"""Reasons to trust a piece of advice less, as factors of its weight.

================== ===============================================================================
gate               factor
================== ===============================================================================
``confidence``     ``1 - H(prior) / log n``: an undecided teacher counts less
``advantage``      0 where the student's action differed from the teacher's best and did better
                   than expected, else 1 (the idea of the Q-filter, arXiv 1709.10089)
``proximal``       ``max(π / π_old, 1 - 0.2)`` of the action taken (Proximal Policy Distillation,
                   arXiv 2407.15134)
``teacher_better`` how far the teacher's record beats the student's value there, in [0, 1]: a
                   competent student is left alone (the fitting difficulty of TAPIR,
                   arXiv 2405.13448). Where there is no record, nothing is taught
================== ===============================================================================

All are off unless asked for: none helps everywhere (``docs/results.md``). One of your own is a
subclass of `Gate`. Pass it in ``teacher_gates``, or give it a name with `register_gate`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import torch as th
from torch import Tensor

from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.named import from_spec, register, to_spec


@dataclass(frozen=True)
class GateInputs:
    """What a gate may look at: rows of a minibatch, none of them with a gradient.

    With MultiDiscrete actions a gate is asked once per action dimension: ``log_probs``, ``prior``,
    ``weight`` and ``actions`` are that dimension's.

    :param log_probs: float ``(batch, n_actions)``, log of the student's action probabilities
    :param prior: float ``(batch, n_actions)``, rows sum to 1
    :param weight: float ``(batch,)``, in [0, 1]; where it is 0 the row may hold anything
    :param actions: int64 ``(batch,)``, what the student did
    :param advantages: float ``(batch,)``, not normalised
    :param log_prob: float ``(batch,)``, of the whole actions under the policy now
    :param old_log_prob: float ``(batch,)``, of the whole actions when they were taken
    :param value: float ``(batch,)``, the student's value when they were taken, in the env's own
        rewards; NaN: unknown
    :param teacher_value: float ``(batch,)``, the teacher's, by its record; NaN: it has none
    """

    log_probs: Tensor
    prior: Tensor
    weight: Tensor
    actions: Tensor
    advantages: Tensor
    log_prob: Tensor
    old_log_prob: Tensor
    value: Tensor = field(default_factory=lambda: th.tensor(math.nan))
    teacher_value: Tensor = field(default_factory=lambda: th.tensor(math.nan))


class Gate(ABC):
    """Factors of the weights of a minibatch.

    It is saved with the student by cloudpickle, so keep open files and the like out of it.

    Example::

        >>> class Beginner(Gate):
        ...     "Teaches only what the student does not know yet."
        ...     def __call__(self, rows):
        ...         return (rows.log_probs.argmax(dim=1) != rows.prior.argmax(dim=1)).float()
        >>> prior, one = th.tensor([[1.0, 0.0], [0.0, 1.0]]), th.ones(2)
        >>> log_probs = th.tensor([[0.9, 0.1], [0.9, 0.1]]).log()
        >>> Beginner()(GateInputs(log_probs, prior, one, one, one, one, one)).tolist()
        [0.0, 1.0]
    """

    needs_record: ClassVar[bool] = False
    """Whether it looks at ``teacher_value``."""

    @abstractmethod
    def __call__(self, rows: GateInputs) -> Tensor:
        """Return the factors, float ``(batch,)``, 0 or more."""


@dataclass(frozen=True)
class Confidence(Gate):
    """``1 - H(prior) / log n``: 1 for one-hot priors, 0 for uniform ones."""

    def __call__(self, rows: GateInputs) -> Tensor:
        entropy = -th.special.xlogy(rows.prior, rows.prior).sum(dim=1)
        # Of one action there is no doubt: 1, and not 0 / 0.
        sure: Tensor = 1.0 - entropy / math.log(max(2, rows.prior.shape[1]))
        return sure.clamp(0.0, 1.0)


@dataclass(frozen=True)
class Advantage(Gate):
    """0 where the student did something else and it was better than expected, else 1.

    The idea of the Q-filter (arXiv 1709.10089), with advantages in place of Q-values.
    """

    def __call__(self, rows: GateInputs) -> Tensor:
        better = (rows.actions != rows.prior.argmax(dim=1)) & (rows.advantages > 0)
        return (~better).to(rows.weight.dtype)


@dataclass(frozen=True)
class Proximal(Gate):
    """``max(π / π_old, 1 - clip)`` of the action taken.

    Proximal Policy Distillation (arXiv 2407.15134).

    :param clip: in [0, 1]
    :raises StudentError: it is not
    """

    clip: float = 0.2

    def __post_init__(self) -> None:
        if isinstance(self.clip, bool) or not 0.0 <= self.clip <= 1.0:
            raise StudentError(
                f"clip is {self.clip!r}, expected a number in [0, 1]: 0.2 as in PPO."
            )

    def __call__(self, rows: GateInputs) -> Tensor:
        return (rows.log_prob - rows.old_log_prob).exp().clamp_min(1.0 - self.clip)


@dataclass(frozen=True)
class TeacherBetter(Gate):
    """How far the teacher's record beats the student's value, as a share of the larger of them.

    1 where the student gets nothing and the teacher something; 0 where the student is as good, and
    where the teacher has no record. Its value comes with its advice (`RecordedTeacher`,
    `PractisedTeacher`); the student's is its critic's.

    >>> zero, prior = th.zeros(4), th.full((4, 2), 0.5)
    >>> rows = GateInputs(prior, prior, th.ones(4), zero, zero, zero, zero,
    ...                   value=th.tensor([0.0, 0.6, 0.9, 0.5]),
    ...                   teacher_value=th.tensor([0.8, 0.8, 0.8, math.nan]))
    >>> [round(factor, 2) for factor in TeacherBetter()(rows).tolist()]
    [1.0, 0.25, 0.0, 0.0]
    """

    needs_record: ClassVar[bool] = True

    def __call__(self, rows: GateInputs) -> Tensor:
        most = th.maximum(rows.teacher_value.abs(), rows.value.abs()).clamp_min(1e-8)
        share = ((rows.teacher_value - rows.value) / most).clamp(0.0, 1.0)
        return share.nan_to_num(0.0).expand_as(rows.weight)


GATES: dict[str, Gate] = {
    "confidence": Confidence(),
    "advantage": Advantage(),
    "proximal": Proximal(),
    "teacher_better": TeacherBetter(),
}
"""By name; `register_gate` adds to them."""
_BUILT_IN = tuple(GATES)

GateSpec = str | Gate
"""A gate as people write it: a name in `GATES`, or an object."""


def as_gates(specs: GateSpec | Iterable[GateSpec]) -> tuple[Gate, ...]:
    """Return the gates that are meant, in the order given.

    :param specs: one, or several; the same one twice counts once
    :raises StudentError: an unknown name, or not a `Gate`

    >>> as_gates("advantage"), as_gates(["confidence", Proximal(0.1)])
    ((Advantage(),), (Confidence(), Proximal(clip=0.1)))
    """
    found: list[Gate] = []
    for spec in _listed(specs):
        gate = from_spec("teacher_gates has", spec, Gate, GATES)  # type: ignore[type-abstract]
        if gate not in found:
            found.append(gate)
    return tuple(found)


def gate_specs(specs: GateSpec | Iterable[GateSpec]) -> tuple[GateSpec, ...]:
    """Check gates and write them as they are saved: built-in ones by name.

    :raises StudentError: an unknown name, or not a `Gate`

    >>> gate_specs([Proximal(), Proximal(0.1)])
    ('proximal', Proximal(clip=0.1))
    """
    specs = _listed(specs)
    as_gates(specs)
    return tuple(to_spec(spec, GATES, _BUILT_IN) for spec in specs)


def _listed(specs: GateSpec | Iterable[GateSpec]) -> list[GateSpec]:
    several = isinstance(specs, Iterable) and not isinstance(specs, (str, Gate))
    return list(specs) if several else [specs]  # type: ignore[arg-type, list-item]


def register_gate(name: str, gate: Gate) -> None:
    """Give a gate a name, for ``teacher_gates=name`` and for YAML.

    A student saved with this name needs it registered again before it is loaded.

    :raises StudentError: no name, a built-in one's, or not a `Gate`

    >>> register_gate("loose", Proximal(0.5))
    >>> as_gates("loose")
    (Proximal(clip=0.5),)
    >>> del GATES["loose"]
    """
    register(name, gate, Gate, GATES, _BUILT_IN)  # type: ignore[type-abstract]
