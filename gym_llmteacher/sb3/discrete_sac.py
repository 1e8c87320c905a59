"""Soft actor-critic for Discrete actions (arXiv 1910.07207), of SB3's parts.

Expectations over actions are sums: neither a reparametrised sample nor its log-probability is
needed. Actor, critics and temperature have one optimizer: no loss reaches the others' parameters.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import CombinedExtractor, NatureCNN
from stable_baselines3.common.type_aliases import GymEnv, Schedule
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.dqn.policies import DQNPolicy
from torch import nn
from torch.nn import functional

from gym_llmteacher.errors import StudentError


class DiscreteSACPolicy(DQNPolicy):
    """An actor and two critics, each a network like DQN's: a number per action."""

    def _build(self, lr_schedule: Schedule) -> None:
        self.actor = self.make_q_net()
        self.critics = nn.ModuleList([self.make_q_net() for _ in range(2)])
        self.targets = nn.ModuleList([self.make_q_net() for _ in range(2)])
        self.targets.load_state_dict(self.critics.state_dict())
        self.log_ent_coef = nn.Parameter(th.zeros(()))
        own = [*self.actor.parameters(), *self.critics.parameters(), self.log_ent_coef]
        self.optimizer = self.optimizer_class(own, lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]

    def _predict(self, obs: Any, deterministic: bool = False) -> th.Tensor:
        logits: th.Tensor = self.actor(obs)
        if deterministic:
            return logits.argmax(dim=1)
        probs = logits.softmax(dim=1)
        return th.multinomial(probs, num_samples=1).squeeze(1)

    def set_training_mode(self, mode: bool) -> None:
        """Put the networks into training or evaluation mode."""
        self.actor.set_training_mode(mode)
        self.critics.train(mode)
        self.training = mode


class _Cnn(DiscreteSACPolicy):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"features_extractor_class": NatureCNN, **kwargs})


class _MultiInput(DiscreteSACPolicy):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"features_extractor_class": CombinedExtractor, **kwargs})


class DiscreteSAC(OffPolicyAlgorithm):
    """SAC for Discrete actions; arguments as in ``stable_baselines3.SAC``, as far as they apply.

    :param ent_coef: weight of the entropy; ``"auto"``: so that it stays at ``target_entropy``
    :param target_entropy: nats; ``"auto"``: 0.3 of what random actions have
    :raises StudentError: an entropy coefficient below 0

    Example::

        >>> model = DiscreteSAC("MlpPolicy", "CartPole-v1", learning_starts=32).learn(64)
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": DiscreteSACPolicy,
        "CnnPolicy": _Cnn,
        "MultiInputPolicy": _MultiInput,
    }
    policy: DiscreteSACPolicy

    def __init__(
        self,
        policy: str | type[DiscreteSACPolicy],
        env: GymEnv | str,
        learning_rate: float | Schedule = 3e-4,
        buffer_size: int = 1_000_000,
        learning_starts: int = 100,
        batch_size: int = 256,
        tau: float = 0.005,
        gamma: float = 0.99,
        ent_coef: float | str = "auto",
        target_entropy: float | str = "auto",
        **kwargs: Any,
    ) -> None:
        if ent_coef != "auto" and not (isinstance(ent_coef, (int, float)) and ent_coef >= 0):
            raise StudentError(
                f"ent_coef is {ent_coef!r}, expected a number >= 0, or 'auto' to keep the entropy "
                "at target_entropy."
            )
        self.ent_coef, self.target_entropy = ent_coef, target_entropy
        build = kwargs.pop("_init_setup_model", True)
        super().__init__(
            policy, env, learning_rate, buffer_size, learning_starts, batch_size, tau, gamma,
            **{"train_freq": 1, "sde_support": False, "support_multi_env": True, **kwargs},
            supported_action_spaces=(spaces.Discrete,),
        )  # fmt: skip
        if build:
            self._setup_model()

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Update actor, critics and temperature together."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        logged: dict[str, list[float]] = {"actor_loss": [], "critic_loss": [], "ent_coef": []}
        for _ in range(gradient_steps):
            assert self.replay_buffer is not None
            data = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
            losses = self._losses(data)
            self.policy.optimizer.zero_grad()
            sum(losses.values()).backward()  # type: ignore[union-attr]
            self.policy.optimizer.step()
            polyak_update(
                self.policy.critics.parameters(), self.policy.targets.parameters(), self.tau
            )
            for name in ("actor_loss", "critic_loss"):
                logged[name].append(losses[name].item())
            logged["ent_coef"].append(float(self._alpha()))
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name, values in logged.items():
            self.logger.record(f"train/{name}", np.mean(values))

    def _losses(self, data: Any) -> dict[str, th.Tensor]:
        """Losses of a minibatch, each of parameters of its own."""
        policy, alpha = self.policy, self._alpha()
        discounts = self.gamma if data.discounts is None else data.discounts
        with th.no_grad():
            log_probs = policy.actor(data.next_observations).log_softmax(dim=1)
            after = _least([target(data.next_observations) for target in policy.targets])
            value = (log_probs.exp() * (after - alpha * log_probs)).sum(dim=1, keepdim=True)
            wanted = data.rewards + (1 - data.dones) * discounts * value
        values = [critic(data.observations) for critic in policy.critics]
        taken = [q.gather(1, data.actions.long()) for q in values]
        log_probs = policy.actor(data.observations).log_softmax(dim=1)
        probs, best = log_probs.exp(), _least(values).detach()
        losses = {
            "critic_loss": 0.5 * th.stack([functional.mse_loss(q, wanted) for q in taken]).sum(),
            "actor_loss": (probs * (alpha * log_probs - best)).sum(dim=1).mean(),
        }
        if self.ent_coef == "auto":
            entropy = -(probs * log_probs).sum(dim=1).detach()
            losses["ent_coef_loss"] = policy.log_ent_coef * (entropy - self._entropy()).mean()
        return losses

    def _alpha(self) -> Any:
        auto = self.ent_coef == "auto"
        return self.policy.log_ent_coef.detach().exp() if auto else float(self.ent_coef)

    def _entropy(self) -> float:
        n_actions: int = self.action_space.n  # type: ignore[attr-defined]
        most = math.log(n_actions)
        return 0.3 * most if self.target_entropy == "auto" else float(self.target_entropy)

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "policy.optimizer"], []


def _least(values: list[th.Tensor]) -> th.Tensor:
    return th.stack(values).amin(dim=0)
