"""HER: goals are relabelled with what was achieved, and advice with them."""

import functools

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3 import DQN, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

from gym_llmteacher import (
    GroundingWrapper,
    LLMTeacherWrapper,
    MissionGoals,
    ScriptedTeacher,
    TeacherDQN,
    VecTeacher,
)
from gym_llmteacher.errors import StudentError
from gym_llmteacher.groundings.toy_text import taxi
from gym_llmteacher.prior import prior_from
from tests.alone import without_this_package
from tests.students import WatchedLoss, parameters
from tests.taxi import TAXI

PLANNER = ScriptedTeacher.named("taxi_planner")
SMALL = {
    "learning_starts": 500, "buffer_size": 1800, "batch_size": 64, "gradient_steps": 1,
    "policy_kwargs": {"net_arch": [16]}, "seed": 3, "device": "cpu",
    "replay_buffer_class": HerReplayBuffer,
}  # fmt: skip


class AtAStand(gym.Wrapper):
    """Taxi that begins at a stand with the passenger in it: much is achieved there by chance."""

    def reset(self, **kwargs):
        _, info = super().reset(**kwargs)
        cab = self.unwrapped
        stand, way = (int(x) for x in cab.np_random.integers([4, 3]))
        cab.s = cab.encode(*cab.locs[stand], 4, (stand + 1 + way) % 4)
        return cab.s, info


def wrapped(env, by="env"):
    env = AtAStand(env)
    if by == "env":
        return MissionGoals(LLMTeacherWrapper(env, PLANNER, smoothing=0.0))
    return MissionGoals(GroundingWrapper(env))


def envs(n=3, by="env"):
    limit = {"max_episode_steps": 50}
    wrapper = functools.partial(wrapped, by=by)
    venv = make_vec_env(TAXI, n, seed=1, wrapper_class=wrapper, env_kwargs=limit)
    if by == "env":
        return venv
    return VecTeacher(venv, PLANNER, smoothing=0.0, workers=0)


def make(cls=TeacherDQN, env=None, **kwargs):
    return cls("MultiInputPolicy", env or envs(), **{**SMALL, **kwargs})


@functools.cache
def said(state, destination):
    """Prior and weight of the planner, worked out in an env of its own."""
    env = gym.make(TAXI)
    env.reset(seed=0)
    cab = env.unwrapped
    row, column, passenger, _ = cab.decode(state)
    if destination == passenger:
        return None
    cab.s = cab.encode(
        row, column, passenger, (passenger + 1) % 4 if destination == 4 else destination
    )
    here = taxi().describe(env, cab.s)
    return prior_from(PLANNER.advise([here])[0], here)


def state_of(bits):
    row, column, passenger = (int(part.argmax()) for part in np.split(bits, [5, 10]))
    return ((row * 5 + column) * 5 + passenger) * 4


@pytest.mark.parametrize("by", ["env", "main process"])
def test_advice_is_of_the_goal_beside_it(by):
    counts = {"own": 0, "relabelled": 0, "done": 0}

    def look(log_probs, prior, share):
        buffer = model.replay_buffer
        obs = buffer.batch.samples.observations
        weight = (share * share.count_nonzero()).numpy()
        virtual = np.arange(len(prior)) >= len(prior) - int(buffer.her_ratio * len(prior))
        rows = zip(
            obs["observation"].numpy(), obs["desired_goal"].numpy(), prior.numpy(), weight,
            virtual, strict=True,
        )  # fmt: skip
        for bits, goal, row, w, was_changed in rows:
            wanted = said(state_of(bits), int(goal.argmax()))
            if wanted is None:
                counts["done"] += 1
                assert w == 0
            else:
                assert w == wanted[1]
                np.testing.assert_allclose(row, wanted[0], atol=1e-6)
                counts["relabelled" if was_changed else "own"] += 1

    loss = WatchedLoss(on_gradient=look)
    env = envs(by=by)
    model = make(env=env, teacher_coef=1.0, teacher_divergence=loss)
    model.learn(2400)  # it comes round
    assert counts["own"] > 1000
    assert counts["relabelled"] > 300
    assert counts["done"] > 100
    env.close()


def test_without_a_coefficient_it_is_dqn_with_her():
    plain, ours = make(DQN).learn(1200), make(teacher_coef=0).learn(1200)
    assert th.equal(parameters(plain), parameters(ours))
    assert not th.equal(parameters(plain), parameters(make(teacher_coef=1.0).learn(1200)))


def test_normalised_observations_do_not_change_what_is_asked():
    seen = []

    def look(log_probs, prior, share):
        seen.append(float((share > 0).float().mean()))

    loss = WatchedLoss(on_gradient=look)
    taught = []
    for wrapper in (lambda env: env, lambda env: VecNormalize(env, norm_reward=False)):
        seen.clear()
        make(env=wrapper(envs()), teacher_coef=1e-9, teacher_divergence=loss).learn(900)
        taught.append(np.mean(seen))
    assert taught[0] == pytest.approx(taught[1], abs=0.1)
    assert taught[0] > 0.2


class Line(gym.Env):
    """Walk to a cell of a line; a prior in info, and nobody to ask about other goals."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self):
        cell = gym.spaces.Box(0, 9, (1,), np.float32)
        keys = ("observation", "achieved_goal", "desired_goal")
        self.observation_space = gym.spaces.Dict(dict.fromkeys(keys, cell))

    def _now(self):
        here, goal = (np.array([x], np.float32) for x in (self.x, self.goal))
        prior = np.eye(2, dtype=np.float32)[int(self.goal > self.x)]
        obs = {"observation": here, "achieved_goal": here, "desired_goal": goal}
        return obs, {"teacher_prior": prior, "teacher_weight": 1.0}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.goal, self.left = *self.np_random.integers(0, 10, 2), 12
        return self._now()

    def step(self, action):
        self.x, self.left = np.clip(self.x + 2 * int(action) - 1, 0, 9), self.left - 1
        obs, info = self._now()
        reward = float(self.compute_reward(obs["achieved_goal"], obs["desired_goal"], info))
        return obs, reward, False, self.left == 0, info

    def compute_reward(self, achieved, desired, info):
        return (achieved == desired).all(axis=-1).astype(np.float32) - 1


def test_where_nobody_can_be_asked_relabelled_rows_are_not_taught():
    counts = []

    def look(log_probs, prior, share):
        obs = model.replay_buffer.batch.samples.observations
        x, goal = obs["observation"].flatten(), obs["desired_goal"].flatten()
        taught, right = share > 0, prior.argmax(dim=1) == (goal > x)
        assert bool(right[taught].all())
        counts.append((int(taught.sum()), len(taught)))

    loss = WatchedLoss(on_gradient=look)
    model = make(env=make_vec_env(Line, 3, seed=0), teacher_coef=1.0, teacher_divergence=loss)
    model.learn(900)
    taught, rows = np.sum(counts, axis=0)
    assert 0.2 < taught / rows < 0.5  # a fifth is as it was, and of the others what goals are equal


def test_goals_in_another_order_are_an_error_that_names_the_buffer():
    class Mixed(HerReplayBuffer):
        def sample(self, batch_size, env=None):
            batch = super().sample(batch_size, env)
            order = th.arange(batch_size).flip(0)
            turned = {key: rows[order] for key, rows in batch.observations.items()}
            return batch._replace(observations=turned, actions=batch.actions[order])

    with pytest.raises(StudentError, match=r"Mixed has relabelled goals in another order"):
        make(teacher_coef=1.0, replay_buffer_class=Mixed).learn(600)


def test_a_saved_buffer_comes_back_with_what_it_can_be_asked_about(tmp_path):
    model = make(teacher_coef=1.0).learn(600)
    model.save_replay_buffer(tmp_path / "replay")
    script = f"""
        import pickle
        print(type(pickle.load(open({str(tmp_path / "replay.pkl")!r}, "rb"))).__name__)
    """
    done = without_this_package(script, tmp_path)
    assert done.stdout.strip() == "HerReplayBuffer", done.stderr
    shares = []
    loss = WatchedLoss(on_gradient=lambda q, prior, share: shares.append((share > 0).float()))
    fresh = make(teacher_coef=1.0, teacher_divergence=loss, learning_starts=0)
    fresh.load_replay_buffer(tmp_path / "replay", truncate_last_traj=False)
    old = model.replay_buffer.goal_states
    for mine, theirs in zip(fresh.replay_buffer.goal_states.ravel(), old.ravel(), strict=True):
        assert (mine and mine.what) == (theirs and theirs.what)
    fresh.learn(30)
    assert th.cat(shares).mean() > 0.2
