"""Bring the teacher's priors from the episodes' infos into the train batch."""

from __future__ import annotations

from typing import Any

from ray.rllib.connectors.connector_v2 import ConnectorV2

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.learning.priors import read_priors

PRIOR, WEIGHT = "teacher_prior", "teacher_weight"
_EXTENDED = "_added_loss_mask_for_valid_episode_ts"
"""By which RLlib says that every episode got an artificial last step, to bootstrap from."""


class AddTeacherPriors(ConnectorV2):
    """Adds prior and weight of ``infos[t]`` beside ``obs[t]``.

    ``teacher_prior``: float32 ``(n_actions,)`` per step; ``teacher_weight``: float32 scalar, with
    MultiDiscrete actions ``(n_dims,)``. Stands behind RLlib's `AddOneTsToEpisodesAndTruncate`,
    whose artificial step carries the info of a later observation: it is not taught.
    """

    active = False
    """Whether there is anything to teach: set by the learner before every update."""

    def __call__(
        self, *, batch: dict[str, Any], episodes: list[Any], shared_data: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Add the two columns.

        :raises PriorError: an info without a prior, or one that cannot be
        """
        if not self.active:
            return batch
        extended = bool((shared_data or {}).get(_EXTENDED))
        for episode in self.single_agent_episode_iterator(episodes, agents_that_stepped_only=False):
            n = len(episode)
            infos = episode.get_infos(slice(0, n))
            real = infos[:-1] if extended else infos
            rows = read_priors(real, action_sizes(episode.action_space))
            prior, weight = list(rows.prior), list(rows.weight)
            if extended:
                prior.append(prior[-1])
                weight.append(weight[-1] * 0)
            self.add_n_batch_items(batch, PRIOR, prior, n, episode)
            self.add_n_batch_items(batch, WEIGHT, weight, n, episode)
        return batch
