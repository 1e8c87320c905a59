"""What SB3's and sb3-contrib's pages show for PPO works with the class name changed, no more.

Each usage runs with the parent and with the taught class, on the same taught env. Learning in
pieces, new envs, Dict observations and frame stacks beside their priors, parameters handed to plain
PPO and replay buffers are in `test_save_load`, `test_alignment` and `test_students`.
"""

import csv

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from sb3_contrib import MaskablePPO, RecurrentPPO
from sb3_contrib.common.maskable.callbacks import MaskableEvalCallback
from sb3_contrib.common.maskable.evaluation import evaluate_policy as evaluate_masked
from sb3_contrib.common.maskable.utils import get_action_masks
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    CheckpointCallback,
    EvalCallback,
    EveryNTimesteps,
    StopTrainingOnRewardThreshold,
)
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecFrameStack, VecNormalize

from gym_llmteacher import TeacherMaskablePPO, TeacherPPO, TeacherRecurrentPPO
from tests.shout import Shout, taught

SMALL = {"n_steps": 32, "batch_size": 32, "n_epochs": 2, "seed": 0, "device": "cpu"}
BOTH = pytest.mark.parametrize("cls", [PPO, TeacherPPO])


class Described(gym.ObservationWrapper):
    """The word, and a picture that says nothing."""

    def __init__(self, env):
        super().__init__(env)
        spaces = {
            "word": env.observation_space,
            "picture": gym.spaces.Box(0, 255, (36, 36, 1), np.uint8),
        }
        self.observation_space = gym.spaces.Dict(spaces)

    def observation(self, observation):
        return {"word": observation, "picture": np.zeros((36, 36, 1), np.uint8)}


@BOTH
def test_dict_observations(cls, tmp_path):
    env = make_vec_env(lambda: taught(Described(Shout())), 2)
    model = cls("MultiInputPolicy", env, **SMALL).learn(128)
    model.save(tmp_path / "dict")
    obs = env.reset()
    assert set(obs) == {"word", "picture"}
    expected, _ = model.predict(obs, deterministic=True)
    again = cls.load(tmp_path / "dict", env=env)
    np.testing.assert_array_equal(again.predict(obs, deterministic=True)[0], expected)


@BOTH
def test_vec_normalize_is_saved_and_used_for_evaluation(cls, tmp_path):
    env = VecNormalize(make_vec_env(taught, 2, seed=0), norm_obs=True, norm_reward=True)
    model = cls("MlpPolicy", env, learning_rate=1e-2, **SMALL).learn(2048)
    assert model.get_vec_normalize_env() is env
    env.save(tmp_path / "statistics.pkl")
    evaluation = VecNormalize.load(tmp_path / "statistics.pkl", make_vec_env(Shout, 2, seed=9))
    evaluation.training = evaluation.norm_reward = False
    reward, _ = evaluate_policy(model, evaluation, n_eval_episodes=20)
    assert reward > 8  # of 10; at random 3.3
    np.testing.assert_allclose(evaluation.obs_rms.mean, env.obs_rms.mean)


@BOTH
def test_callbacks(cls, tmp_path):
    class Counts(BaseCallback):
        starts = rollouts = ends = 0

        def _on_training_start(self):
            self.starts += 1

        def _on_rollout_end(self):
            self.rollouts += 1

        def _on_training_end(self):
            self.ends += 1

        def _on_step(self):
            return True

    counts = Counts()
    every = EveryNTimesteps(64, CheckpointCallback(1, str(tmp_path / "every")))
    checkpoints = CheckpointCallback(32, str(tmp_path / "kept"), name_prefix="student")
    evaluation = EvalCallback(
        taught(),
        callback_on_new_best=StopTrainingOnRewardThreshold(9.0, verbose=0),
        eval_freq=256,
        n_eval_episodes=10,
        best_model_save_path=str(tmp_path / "best"),
        log_path=str(tmp_path),
        verbose=0,
    )
    model = cls("MlpPolicy", taught(), learning_rate=1e-2, **SMALL)
    model.learn(4096, callback=CallbackList([counts, every, checkpoints, evaluation]))
    assert model.num_timesteps < 4096  # the threshold was reached
    assert model.num_timesteps % 256 == 0
    assert counts.starts == counts.ends == 1
    assert counts.rollouts in (model.num_timesteps // 32, model.num_timesteps // 32 - 1)
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert kept == {f"student_{n}_steps.zip" for n in range(32, model.num_timesteps + 1, 32)}
    assert len(list((tmp_path / "every").iterdir())) == model.num_timesteps // 64
    assert np.load(tmp_path / "evaluations.npz")["results"][-1].mean() >= 9
    best = PPO.load(tmp_path / "best" / "best_model")
    assert evaluate_policy(best, taught(), n_eval_episodes=10)[0] >= 9


class Squares(BaseFeaturesExtractor):
    """The observation and its square."""

    def __init__(self, observation_space, features_dim=2):
        super().__init__(observation_space, features_dim)

    def forward(self, observations):
        return th.cat([observations, observations**2], dim=1)


class SmallNet(ActorCriticPolicy):
    """A policy class of one's own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "net_arch": {"pi": [7], "vf": [5]}})


@BOTH
def test_networks_of_ones_own(cls, tmp_path):
    policy_kwargs = {
        "features_extractor_class": Squares,
        "features_extractor_kwargs": {"features_dim": 2},
        "activation_fn": th.nn.ReLU,
    }
    model = cls(SmallNet, taught(), policy_kwargs=policy_kwargs, **SMALL).learn(64)
    shapes = {name: tuple(p.shape) for name, p in model.policy.named_parameters()}
    assert shapes["mlp_extractor.policy_net.0.weight"] == (7, 2)
    assert shapes["mlp_extractor.value_net.0.weight"] == (5, 2)
    model.save(tmp_path / "own")
    assert isinstance(cls.load(tmp_path / "own").policy, SmallNet)
    model.policy.save(tmp_path / "policy")
    obs = np.arange(3, dtype=np.float32)[:, None]
    alone = SmallNet.load(tmp_path / "policy")
    np.testing.assert_array_equal(
        alone.predict(obs, deterministic=True)[0], model.predict(obs, deterministic=True)[0]
    )


@BOTH
def test_parameters_are_read_changed_and_put_back(cls):
    """The example of an evolution strategy on top of a trained model."""
    model = cls("MlpPolicy", taught(), **SMALL).learn(64)
    bias = "action_net.bias"
    parameters = model.get_parameters()["policy"]
    changed = {bias: parameters[bias] + th.tensor([0.0, 50.0, 0.0])}
    model.set_parameters({"policy": {**parameters, **changed}}, exact_match=False)
    obs = np.arange(3, dtype=np.float32)[:, None]
    assert model.predict(obs, deterministic=True)[0].tolist() == [1, 1, 1]


@BOTH
def test_get_env_evaluate_and_go_on(cls):
    model = cls("MlpPolicy", taught(), learning_rate=1e-2, **SMALL).learn(1024)
    env = model.get_env()
    assert isinstance(env, DummyVecEnv)
    rewards, lengths = evaluate_policy(model, env, n_eval_episodes=5, return_episode_rewards=True)
    assert lengths == [10] * 5
    assert np.mean(rewards) > 6
    model.set_env(make_vec_env(taught, 1, seed=3))
    assert model.get_env() is not env
    model.learn(64, reset_num_timesteps=False)
    assert model.num_timesteps == 1088
    obs = model.get_env().reset()
    for _ in range(12):
        action, _ = model.predict(obs)
        obs, _, _, info = model.get_env().step(action)
    assert "teacher_prior" in info[0]


@BOTH
def test_custom_objects_replace_what_was_saved(cls, tmp_path):
    def decaying(left):
        return left * 1e-3

    model = cls("MlpPolicy", taught(), learning_rate=decaying, clip_range=decaying, **SMALL)
    model.learn(64).save(tmp_path / "student")
    plain = cls.load(tmp_path / "student")
    assert plain.lr_schedule(0.5) == pytest.approx(5e-4)
    custom = {"learning_rate": 0.25, "lr_schedule": lambda _: 0.25, "clip_range": lambda _: 0.5}
    other = cls.load(tmp_path / "student", env=taught(), custom_objects=custom, seed=1)
    assert (other.lr_schedule(0.5), other.clip_range(0.5)) == (0.25, 0.5)
    other.learn(32)


@BOTH
def test_subprocesses(cls):
    def make_env(rank, seed=0):
        def init():
            env = taught()
            env.reset(seed=seed + rank)
            return env

        set_random_seed(seed)
        return init

    env = SubprocVecEnv([make_env(i) for i in range(2)])
    model = cls("MlpPolicy", VecFrameStack(env, 2), learning_rate=1e-2, **SMALL).learn(512)
    reward, _ = evaluate_policy(model, VecFrameStack(make_vec_env(Shout, 1), 2))
    assert reward > 5
    env.close()


@BOTH
def test_a_logger_of_ones_own(cls, tmp_path):
    model = cls("MlpPolicy", taught(), **SMALL)
    model.set_logger(configure(str(tmp_path), ["csv", "json"]))
    model.learn(128, log_interval=2)
    model.logger.close()
    with (tmp_path / "progress.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["time/total_timesteps"]) for row in rows] == [64, 128]
    assert ("teacher/coef" in rows[-1]) == (cls is TeacherPPO)


@pytest.mark.parametrize("cls", [MaskablePPO, TeacherMaskablePPO])
def test_maskable(cls, tmp_path):
    model = cls("MlpPolicy", taught(), learning_rate=1e-2, **SMALL)
    callback = MaskableEvalCallback(
        taught(), eval_freq=512, best_model_save_path=str(tmp_path), verbose=0
    )
    model.learn(1024, callback=callback)
    reward, _ = evaluate_masked(model, taught(), n_eval_episodes=10)
    assert reward > 6
    env = taught()
    obs, _ = env.reset(seed=0)
    for _ in range(10):
        masks = get_action_masks(env)
        action, _ = model.predict(obs, action_masks=masks)
        assert masks[action]
        obs, *_ = env.step(action)
    assert isinstance(MaskablePPO.load(tmp_path / "best_model"), MaskablePPO)


@pytest.mark.parametrize("cls", [RecurrentPPO, TeacherRecurrentPPO])
def test_recurrent(cls):
    policy_kwargs = {"lstm_hidden_size": 8}
    model = cls("MlpLstmPolicy", taught(), policy_kwargs=policy_kwargs, **SMALL).learn(64)
    vec_env = model.get_env()
    obs = vec_env.reset()
    states, starts = None, np.ones((1,), dtype=bool)
    for _ in range(12):
        action, states = model.predict(obs, state=states, episode_start=starts, deterministic=True)
        obs, _, starts, _ = vec_env.step(action)
    assert states[0].shape == (1, 1, 8)
    assert np.isfinite(evaluate_policy(model, vec_env, n_eval_episodes=3)[0])
