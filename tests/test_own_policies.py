"""Policies that build their own distribution are taught what that distribution says."""

import numpy as np
import pytest
import torch as th
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    Distribution,
    MultiCategoricalDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy

from gym_llmteacher import TeacherPPO
from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.losses import teaching_loss
from tests import drive
from tests.signs import Signs
from tests.students import WatchedLoss, make, parameters


class Tempered(ActorCriticPolicy):
    """SB3's own distribution, of logits that are twice as large."""

    def _get_action_dist_from_latent(self, latent_pi):
        dist = CategoricalDistribution(int(self.action_space.n))
        return dist.proba_distribution(2.0 * self.action_net(latent_pi))


class HalfRandom(Distribution):
    """Half of the time any action: a distribution that SB3 does not know."""

    def __init__(self, logits):
        super().__init__()
        self.of_policy = th.distributions.Categorical(logits=logits)

    def mixed(self):
        probs = self.of_policy.probs
        return 0.5 * probs + 0.5 / probs.shape[1]

    def log_prob(self, actions):
        return self.mixed().gather(1, actions.long().reshape(-1, 1)).squeeze(1).log()

    def entropy(self):
        return th.distributions.Categorical(probs=self.mixed()).entropy()

    def sample(self):
        return th.distributions.Categorical(probs=self.mixed()).sample()

    def mode(self):
        return self.of_policy.probs.argmax(dim=1)

    def proba_distribution_net(self, *args, **kwargs): ...

    def proba_distribution(self, *args, **kwargs): ...

    def actions_from_params(self, *args, **kwargs): ...

    def log_prob_from_params(self, *args, **kwargs): ...


class Exploring(ActorCriticPolicy):
    def _get_action_dist_from_latent(self, latent_pi):
        return HalfRandom(self.action_net(latent_pi))


class Direct(ActorCriticPolicy):
    """Evaluates actions in a way of its own."""

    def evaluate_actions(self, obs, actions):
        features = self.extract_features(obs)
        latent_pi, latent_vf = self.mlp_extractor(features)
        dist = th.distributions.Categorical(logits=self.action_net(latent_pi))
        return self.value_net(latent_vf), dist.log_prob(actions), dist.entropy()


@pytest.mark.parametrize("policy", [Tempered, Exploring, Direct])
def test_without_any_reward_it_learns_what_is_taught(policy):
    obs = np.random.default_rng(0).uniform(-1, 1, (300, 3)).astype(np.float32)

    def agreement(coef):
        fast = {"learning_rate": 1e-2, "n_epochs": 4, "batch_size": 32}
        model = make("PPO", None, 4, Signs, policy=policy, teacher_coef=coef, **fast).learn(2000)
        return float(np.mean(model.predict(obs, deterministic=True)[0] == obs.argmax(axis=1)))

    assert agreement(1.0) > 0.85
    assert agreement(0.0) < 0.7


@pytest.mark.parametrize("policy", [Tempered, Exploring])
def test_the_loss_is_of_the_policys_own_probabilities(policy):
    seen = []

    def look(log_probs, prior, share):
        obs = model.rollout_buffer.batch.samples.observations
        with th.no_grad():
            dist = model.policy.get_distribution(obs)
            actions = range(log_probs.shape[1])
            own = [dist.log_prob(th.full((len(obs),), action)) for action in actions]
        th.testing.assert_close(log_probs, th.stack(own, dim=1))
        seen.append(len(obs))

    loss = WatchedLoss(on_gradient=look)
    model = make("PPO", policy=policy, teacher_coef=1.0, teacher_divergence=loss)
    model.learn(96)
    assert sum(seen) == 2 * 96


@pytest.mark.parametrize("policy", [Tempered, Exploring, Direct])
def test_it_is_one_more_term_in_the_loss(policy):
    """Against a policy whose evaluate_actions adds the gradient by autograd."""
    coef = 0.7
    weights = []
    for by_hand in (False, True):
        model = make("PPO", policy=policy, teacher_coef=coef, n_epochs=1, batch_size=96)
        if by_hand:
            model._joint_loss = lambda coef: _by_autograd(model, coef)  # noqa: B023
        weights.append(parameters(model.learn(96)))
    th.testing.assert_close(*weights, rtol=1e-4, atol=1e-6)


def _by_autograd(model, coef):
    """The teaching loss, smuggled into the gradient of the parameters."""
    from contextlib import contextmanager

    @contextmanager
    def joint():
        clip = th.nn.utils.clip_grad_norm_

        def add_and_clip(params, norm):
            batch = model.rollout_buffer.batch
            dist = model.policy.get_distribution(batch.samples.observations)
            n = range(batch.prior.shape[1])
            rows = [dist.log_prob(th.full((len(batch.prior),), action)) for action in n]
            loss = teaching_loss(th.stack(rows, dim=1), batch.prior, batch.weight)
            (coef * loss).backward()
            return clip(params, norm)

        th.nn.utils.clip_grad_norm_ = add_and_clip
        try:
            yield
        finally:
            th.nn.utils.clip_grad_norm_ = clip

    return joint()


def test_replayed_advice_too():
    model = make("PPO", policy=Exploring, teacher_coef=1.0, teacher_replay_steps=5)
    assert model.learn(96).logger.name_to_value["teacher/replay_steps"] == 5


def test_one_of_several_dimensions_is_refused():
    class Own(MultiCategoricalDistribution):
        pass

    class Policy(ActorCriticPolicy):
        def _get_action_dist_from_latent(self, latent_pi):
            dist = Own([int(n) for n in self.action_space.nvec])
            return dist.proba_distribution(self.action_net(latent_pi))

    env = drive.make("PPO", teacher_coef=0).get_env()
    model = TeacherPPO(Policy, env, n_steps=16, batch_size=16, teacher_coef=1.0)
    with pytest.raises(StudentError, match="distribution is a Own over 2 action dimensions"):
        model.learn(64)
