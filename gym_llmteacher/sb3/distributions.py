"""What a policy's distribution says of every action."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch as th

from gym_llmteacher.errors import StudentError

_KNOWN = ("stable_baselines3", "sb3_contrib")
"""Libraries whose distributions have the categoricals that they seem to have."""


@contextmanager
def distribution_of(policy: Any) -> Iterator[list[Any]]:
    """While this is open, the distributions that a policy builds of its features are collected.

    Not ``policy.action_dist``: a policy may build one of its own.
    """
    built: list[Any] = []
    build = getattr(policy, "_get_action_dist_from_latent", None)
    if build is None:
        yield built
        return

    def kept(*args: Any, **kwargs: Any) -> Any:
        built.append(build(*args, **kwargs))
        return built[-1]

    policy._get_action_dist_from_latent = kept
    try:
        yield built
    finally:
        del policy._get_action_dist_from_latent


def log_probs_of(action_dist: Any, sizes: tuple[int, ...], like: th.Tensor) -> list[th.Tensor]:
    """Log-probabilities ``(batch, n)`` of each action dimension of an SB3 policy's distribution.

    A distribution of the user's own is asked about each action in turn.

    :param sizes: number of actions of each action dimension (`action_sizes`)
    :param like: any tensor ``(batch, ...)`` on the same device
    :raises StudentError: it is the user's own, and of several dimensions

    >>> from stable_baselines3.common.distributions import CategoricalDistribution
    >>> even = CategoricalDistribution(2).proba_distribution(th.zeros(1, 2))
    >>> log_probs_of(even, (2,), th.zeros(1))[0].exp()
    tensor([[0.5000, 0.5000]])
    """
    if type(action_dist).__module__.split(".")[0] in _KNOWN:
        # Named differently for masked policies of several dimensions.
        found = getattr(action_dist, "distributions", None) or action_dist.distribution
        return [dim.logits for dim in (found if isinstance(found, list) else [found])]
    if len(sizes) > 1:
        raise StudentError(
            f"the policy's distribution is a {type(action_dist).__name__} over {len(sizes)} action "
            "dimensions, expected one of Stable-Baselines3's: what it says of each dimension by "
            "itself is not known. Use MultiCategoricalDistribution, or a Discrete action space."
        )
    actions = th.arange(sizes[0], device=like.device)
    of_each = [action_dist.log_prob(action.expand(len(like))) for action in actions]
    return [th.stack(of_each, dim=1)]
