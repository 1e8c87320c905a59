"""How far the student's policy is from the teacher's prior.

================= =========================================== ==================================
name              value per row, of prior p and policy π      source
================= =========================================== ==================================
``cross_entropy`` ``H(p, π) = -Σ p log π``                    LLM4Teach (arXiv 2311.13373)
``forward_kl``    ``KL(p ‖ π) = Σ p log (p / π)``             the same gradient; 0 at agreement
``reverse_kl``    ``KL(π ‖ p) = Σ π log (π / p)``             seeks one mode of the prior
================= =========================================== ==================================

One of your own is a subclass of `Divergence` with a ``value``. Pass it as ``teacher_divergence``,
or give it a name with `register_divergence`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch as th
from torch import Tensor

from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.named import from_spec, register, to_spec

_TINY = 1e-8


class Divergence(ABC):
    """How far policies are from priors, row by row.

    It is saved with the student by cloudpickle, so keep open files and the like out of it.

    Example::

        >>> class TotalVariation(Divergence):
        ...     def value(self, log_probs, prior):
        ...         return 0.5 * (log_probs.exp() - prior).abs().sum(dim=1)
        >>> uniform, prior = th.full((1, 2), 0.5).log(), th.tensor([[1.0, 0.0]])
        >>> TotalVariation().value(uniform, prior).tolist()
        [0.5]
        >>> TotalVariation().gradient(uniform, prior, th.ones(1)).tolist()
        [[-0.25, 0.25]]
    """

    @abstractmethod
    def value(self, log_probs: Tensor, prior: Tensor) -> Tensor:
        """Divergence of each row, differentiable with respect to ``log_probs``.

        :param log_probs: float ``(batch, n_actions)``, log of the student's action probabilities;
            finite: -5e7 or less where an action is masked, and where the row is taught the prior
            is 0 there
        :param prior: float ``(batch, n_actions)``, rows sum to 1; may have zeros
        :return: float ``(batch,)``
        """

    def gradient(self, log_probs: Tensor, prior: Tensor, share: Tensor) -> Tensor:
        """Gradient of ``(share * value(log_probs, prior)).sum()`` by ``log_probs``.

        By autograd here; one that is worked out by hand is faster.

        :param log_probs: as in `value`, detached
        :param prior: as in `value`
        :param share: float ``(batch,)``, the factor of each row in the loss; 0 where nothing is
            taught
        :return: float ``(batch, n_actions)``
        :raises StudentError: ``value`` gives another shape, or what autograd cannot follow, or what
            has no finite gradient
        """
        with th.enable_grad():
            leaf = log_probs.detach().requires_grad_()
            value = self.value(leaf, prior)
        if value.shape != share.shape or not value.requires_grad:
            raise StudentError(
                f"{type(self).__name__}.value returned a tensor of shape {tuple(value.shape)} with "
                f"requires_grad={value.requires_grad}, expected {tuple(share.shape)} and True: "
                "sum over dim=1, and use only torch operations on log_probs."
            )
        (gradient,) = th.autograd.grad(value, leaf, share)
        if not bool(gradient.isfinite().all()):
            raise StudentError(
                f"the gradient of {type(self).__name__}.value is not finite, expected numbers: "
                "priors and probabilities may be 0, so clamp them before a logarithm or a "
                "division, or use torch.special.xlogy."
            )
        return gradient


@dataclass(frozen=True)
class CrossEntropy(Divergence):
    """``H(p, π)``, the loss of LLM4Teach (arXiv 2311.13373).

    >>> CrossEntropy().value(th.tensor([[0.5, 0.25]]).log(), th.tensor([[0.0, 1.0]])).tolist()
    [1.3862943649291992]
    """

    def value(self, log_probs: Tensor, prior: Tensor) -> Tensor:
        value: Tensor = -(prior * log_probs).sum(dim=1)
        return value

    def gradient(self, log_probs: Tensor, prior: Tensor, share: Tensor) -> Tensor:
        return prior * -share.unsqueeze(1)


@dataclass(frozen=True)
class ForwardKL(Divergence):
    """``KL(p ‖ π)``: cross-entropy less the prior's own entropy, so 0 where both agree.

    >>> half = th.full((1, 2), 0.5)
    >>> ForwardKL().value(half.log(), half).tolist()
    [0.0]
    """

    def value(self, log_probs: Tensor, prior: Tensor) -> Tensor:
        value: Tensor = (th.special.xlogy(prior, prior) - prior * log_probs).sum(dim=1)
        return value

    def gradient(self, log_probs: Tensor, prior: Tensor, share: Tensor) -> Tensor:
        return prior * -share.unsqueeze(1)


@dataclass(frozen=True)
class ReverseKL(Divergence):
    """``KL(π ‖ p)``; where the prior is 0 it counts as 1e-8, so that the value is finite.

    >>> half = th.full((1, 2), 0.5)
    >>> ReverseKL().value(half.log(), half).tolist()
    [0.0]
    """

    def value(self, log_probs: Tensor, prior: Tensor) -> Tensor:
        return (log_probs.exp() * self._log_ratio(log_probs, prior)).sum(dim=1)

    def gradient(self, log_probs: Tensor, prior: Tensor, share: Tensor) -> Tensor:
        return share.unsqueeze(1) * log_probs.exp() * (self._log_ratio(log_probs, prior) + 1)

    @staticmethod
    def _log_ratio(log_probs: Tensor, prior: Tensor) -> Tensor:
        return log_probs - prior.clamp_min(_TINY).log()


DIVERGENCES: dict[str, Divergence] = {
    "cross_entropy": CrossEntropy(),
    "forward_kl": ForwardKL(),
    "reverse_kl": ReverseKL(),
}
"""By name; `register_divergence` adds to them."""
_BUILT_IN = tuple(DIVERGENCES)

DivergenceSpec = str | Divergence
"""A divergence as people write it: a name in `DIVERGENCES`, or an object."""


def as_divergence(spec: DivergenceSpec) -> Divergence:
    """Return the divergence that is meant.

    :raises StudentError: an unknown name, or not a `Divergence`

    >>> as_divergence("forward_kl")
    ForwardKL()
    """
    return from_spec("teacher_divergence is", spec, Divergence, DIVERGENCES)  # type: ignore[type-abstract]


def divergence_spec(spec: DivergenceSpec) -> DivergenceSpec:
    """Check ``spec`` and write it as it is saved: built-in ones by name.

    :raises StudentError: an unknown name, or not a `Divergence`

    >>> divergence_spec(ReverseKL())
    'reverse_kl'
    """
    as_divergence(spec)
    return to_spec(spec, DIVERGENCES, _BUILT_IN)


def register_divergence(name: str, divergence: Divergence) -> None:
    """Give a divergence a name, for ``teacher_divergence=name`` and for YAML.

    A student saved with this name needs it registered again before it is loaded.

    :raises StudentError: no name, a built-in one's, or not a `Divergence`

    >>> register_divergence("mode_seeking", ReverseKL())
    >>> as_divergence("mode_seeking")
    ReverseKL()
    >>> del DIVERGENCES["mode_seeking"]
    """
    register(name, divergence, Divergence, DIVERGENCES, _BUILT_IN)  # type: ignore[type-abstract]
