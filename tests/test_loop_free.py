"""Deterministic students remember where they have been, and only there differ from SB3's."""

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.torch_layers import CombinedExtractor

from gym_llmteacher import LoopFreePolicy

POLICIES = (LoopFreePolicy, "MlpPolicy")


class LoopFreeMultiInput(LoopFreePolicy):
    """The same for dictionaries, as SB3's MultiInputActorCriticPolicy is made."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, features_extractor_class=CombinedExtractor, **kwargs)


class Choice(gym.Env):
    """The same observation until the right one of four actions is taken; ten tries."""

    observation_space = gym.spaces.Box(0, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.tries = 0
        return np.ones(2, np.float32), {}

    def step(self, action):
        self.tries += 1
        right = int(action) == 2
        return np.ones(2, np.float32), float(right), right, self.tries == 10, {}


class Both(gym.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Dict(
            {"a": env.observation_space, "b": env.observation_space}
        )

    def observation(self, observation):
        return {"a": observation, "b": observation}


def student(policy=LoopFreePolicy, env=None, preference=(2.0, 1.0, 0.5, 0.0)):
    model = PPO(policy, env or Choice(), n_steps=8, batch_size=8, seed=0, device="cpu")
    with th.no_grad():
        model.policy.action_net.weight.zero_()
        model.policy.action_net.bias.copy_(th.tensor(preference))
    return model


def parameters(policy):
    return list(student(policy).learn(64).policy.parameters())


def test_what_is_done_in_a_place_follows_the_policys_own_proportions():
    model = student()
    chances = np.exp([2.0, 1.0, 0.5, 0.0])
    chances /= chances.sum()
    counts, state = np.zeros(4), None
    for visit in range(1, 201):
        action, state = model.predict(np.ones(2, np.float32), state, deterministic=True)
        counts[action] += 1
        # Highest averages never give less than the quota, rounded down.
        assert (counts >= np.floor(visit * chances + 1e-6)).all()
    np.testing.assert_allclose(counts / 200, chances, atol=0.01)


@pytest.mark.parametrize("make", [Choice, lambda: Both(Choice())])
def test_a_loop_is_left_where_the_argmax_goes_round_for_ever(make):
    env = make()
    plain = "MultiInputPolicy" if isinstance(env, Both) else "MlpPolicy"
    ours = student(LoopFreeMultiInput if isinstance(env, Both) else LoopFreePolicy, env)
    assert evaluate_policy(student(plain, env), env, 3, warn=False)[0] == 0.0
    assert evaluate_policy(ours, env, 3, warn=False)[0] == 1.0


def test_the_first_visit_sampling_and_training_are_sb3s():
    ours, theirs = student(), student("MlpPolicy")
    obs = np.random.default_rng(0).random((64, 2), dtype=np.float32)
    mine, _ = ours.predict(obs, deterministic=True)
    np.testing.assert_array_equal(mine, theirs.predict(obs, deterministic=True)[0])
    th.manual_seed(0)
    sampled, state = ours.predict(obs)
    th.manual_seed(0)
    np.testing.assert_array_equal(sampled, theirs.predict(obs)[0])
    assert state is None
    for a, b in zip(*(parameters(policy) for policy in POLICIES), strict=True):
        assert th.equal(a, b)


def test_memory_is_per_env_and_emptied_at_the_start_of_an_episode():
    model, obs = student(), np.ones((2, 2), np.float32)
    state, taken = None, []
    for step in range(4):
        starts = np.array([step == 3, False])
        actions, state = model.predict(obs, state, starts, deterministic=True)
        taken.append(actions.tolist())
    first = taken[0][0]
    assert [row[0] for row in taken] == [first, *[row[1] for row in taken[1:3]], first]
    assert taken[3][1] != first or taken[2][1] != first


def test_a_kept_state_stays_as_it_was():
    model, obs = student(), np.ones(2, np.float32)
    _, kept = model.predict(obs, deterministic=True)
    again = [model.predict(obs, kept, deterministic=True)[0] for _ in range(5)]
    assert len({int(action) for action in again}) == 1


def test_actions_must_be_countable():
    with pytest.raises(ValueError, match="expected Discrete"):
        PPO(LoopFreePolicy, "Pendulum-v1")
