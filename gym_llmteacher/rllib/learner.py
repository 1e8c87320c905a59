"""PPO's loss plus the teacher's."""

from __future__ import annotations

from typing import Any

import torch as th
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core.columns import Columns
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.coef import coef_schedule
from gym_llmteacher.learning.dims import by_dim
from gym_llmteacher.learning.losses import TaughtRows, figures, taught_rows, teaching_loss
from gym_llmteacher.rllib.connector import PRIOR, WEIGHT, AddTeacherPriors

_NOTHING = {"loss": 0.0, "kl": float("nan"), "agreement": float("nan")}


class TeacherPPOTorchLearner(PPOTorchLearner):
    """Adds ``λ(t) · Σ w · D(prior, π) / #{w > 0}`` to PPO's loss of each minibatch.

    t: env steps of all runners, sampled so far. At λ = 0 nothing of PPO's own is touched.
    """

    def build(self) -> None:
        """Build as PPO does."""
        super().build()
        self.teacher_coef = 0.0
        self._schedule = coef_schedule(self.config.teacher_coef)
        self._log: dict[str, list[list[TaughtRows]]] = {}
        self._coverage: dict[str, list[th.Tensor]] = {}

    def before_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Set λ for this update, and look for priors only where there is something to teach."""
        super().before_gradient_based_update(timesteps=timesteps)
        steps = int(timesteps.get(NUM_ENV_STEPS_SAMPLED_LIFETIME, 0))
        self.teacher_coef = self._schedule(steps)
        for part in self._learner_connector.connectors if self._learner_connector else ():
            if isinstance(part, AddTeacherPriors):
                part.active = self.teacher_coef > 0
        self._log, self._coverage = {}, {}

    def compute_loss_for_module(
        self, *, module_id: str, config: Any, batch: dict[str, Any], fwd_out: dict[str, Any]
    ) -> th.Tensor:
        """PPO's loss, and the teacher's.

        :raises StudentError: the module's outputs are no logits of the actions
        """
        loss: th.Tensor = super().compute_loss_for_module(
            module_id=module_id, config=config, batch=batch, fwd_out=fwd_out
        )
        if self.teacher_coef <= 0 or PRIOR not in batch:
            return loss
        sizes = action_sizes(self.module[module_id].unwrapped().action_space)
        logits = fwd_out[Columns.ACTION_DIST_INPUTS]
        if logits.shape[-1] != sum(sizes):
            raise StudentError(
                f"the RLModule's action_dist_inputs have {logits.shape[-1]} numbers per row, "
                f"expected {sum(sizes)}: the logits of a categorical distribution over the actions."
            )
        logits = logits.reshape(-1, sum(sizes))
        weight = batch[WEIGHT].reshape(-1, len(sizes)).float()
        real = th.ones_like(weight[:, 0])
        if Columns.LOSS_MASK in batch:  # artificial steps, and what LSTM sequences are padded with
            real = batch[Columns.LOSS_MASK].reshape(-1).float()
        weight = weight * real[:, None]
        # Padding is all zero, and no distribution.
        prior = th.where(real[:, None] > 0, batch[PRIOR].reshape(-1, sum(sizes)), 1.0 / sum(sizes))
        log_probs = [part.log_softmax(dim=1) for part in logits.split(sizes, dim=1)]
        taught = []
        for dim, p, w in by_dim(log_probs, prior, weight):
            rows = taught_rows(dim, p, w)
            taught.append(rows)
            loss = loss + self.teacher_coef * teaching_loss(
                dim, rows.prior, rows.weight, config.teacher_divergence
            )
        self._log.setdefault(module_id, []).append(taught)
        share = (weight > 0).float().mean(dim=1).sum() / real.sum().clamp_min(1)
        self._coverage.setdefault(module_id, []).append(share)
        return loss

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Log what was taught."""
        super().after_gradient_based_update(timesteps=timesteps)
        for module_id in self.module.keys():  # noqa: SIM118  (a MultiRLModule is no dict)
            config = self.config.get_config_for_module(module_id)
            log, shares = self._log.get(module_id, []), self._coverage.get(module_id, [])
            found = (figures(log, config.teacher_divergence) if log else {}) or _NOTHING
            found = {f"teacher_{name}": value for name, value in found.items()}
            found["teacher_coef"] = self.teacher_coef
            found["teacher_coverage"] = th.stack(shares).mean().item() if shares else 0.0
            for name, value in found.items():
                self.metrics.log_value((module_id, name), value, window=1)
        self._log, self._coverage = {}, {}
