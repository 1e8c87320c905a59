"""`EgoMapFeatures` for RLlib: the encoder that the other students of small maps use."""

from __future__ import annotations

from typing import Any

import torch as th
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import nn

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.sb3.features import EgoMapFeatures

_ENCODER = ("features_dim", "radius", "match_colors", "blocks")


class EgoMapRLModule(TorchRLModule, ValueFunctionAPI):
    """`EgoMapFeatures`, shared by a policy and a value head with one hidden layer each.

    For observations that `EgoMapFeatures` reads, and Discrete or MultiDiscrete actions.
    ``model_config``: ``hidden``, units of the hidden layers (64), and arguments of
    `EgoMapFeatures`.

    Example::

        >>> from ray.rllib.core.rl_module.rl_module import RLModuleSpec
        >>> spec = RLModuleSpec(module_class=EgoMapRLModule, model_config={"hidden": 32})

    Change log: 0.1.0 - added.
    """

    def setup(self) -> None:
        """Build the networks."""
        given = {name: value for name, value in self.model_config.items() if name in _ENCODER}
        self.features = EgoMapFeatures(self.observation_space, **given)
        n, hidden = self.features.features_dim, int(self.model_config.get("hidden", 64))
        n_actions = sum(action_sizes(self.action_space))
        last = nn.Linear(hidden, n_actions)
        # As SB3 does: a policy that begins nearly uniform.
        nn.init.orthogonal_(last.weight, 0.01)
        nn.init.zeros_(last.bias)
        self.pi = nn.Sequential(nn.Linear(n, hidden), nn.Tanh(), last)
        self.vf = nn.Sequential(nn.Linear(n, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        embeddings = self.features(batch[Columns.OBS])
        return {Columns.ACTION_DIST_INPUTS: self.pi(embeddings), Columns.EMBEDDINGS: embeddings}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> th.Tensor:
        """Values float ``(batch,)``."""
        if embeddings is None:
            embeddings = self.features(batch[Columns.OBS])
        values: th.Tensor = self.vf(embeddings).squeeze(-1)
        return values
