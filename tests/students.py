"""Every taught algorithm beside its parent, small; and what can be seen of one from outside."""

import copy

import numpy as np
import torch as th
from sb3_contrib import MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import KVWriter, Logger

from gym_llmteacher import (
    TeacherA2C,
    TeacherDQN,
    TeacherMaskablePPO,
    TeacherPPO,
    TeacherRecurrentPPO,
    TeacherSAC,
)
from gym_llmteacher.learning.divergences import CrossEntropy
from gym_llmteacher.learning.gates import Gate
from gym_llmteacher.sb3.discrete_sac import DiscreteSAC
from tests.tagging import Counter

SMALL = {"policy_kwargs": {"net_arch": [16]}, "seed": 3, "device": "cpu"}
ROLLOUT = {"n_steps": 32, "batch_size": 48, "n_epochs": 2, **SMALL}
ALL = {
    "PPO": (TeacherPPO, PPO, {"policy": "MlpPolicy", **ROLLOUT}),
    "A2C": (TeacherA2C, A2C, {"policy": "MlpPolicy", "n_steps": 32, **SMALL}),
    "MaskablePPO": (TeacherMaskablePPO, MaskablePPO, {"policy": "MlpPolicy", **ROLLOUT}),
    "RecurrentPPO": (
        TeacherRecurrentPPO,
        RecurrentPPO,
        {"policy": "MlpLstmPolicy", **ROLLOUT, "policy_kwargs": {"lstm_hidden_size": 8}},
    ),
    "DQN": (
        TeacherDQN,
        DQN,
        {
            "policy": "MlpPolicy",
            "buffer_size": 90,
            "learning_starts": 30,
            "target_update_interval": 60,
            **SMALL,
        },
    ),
    "SAC": (
        TeacherSAC,
        DiscreteSAC,
        {
            "policy": "MlpPolicy",
            "buffer_size": 90,
            "learning_starts": 30,
            "batch_size": 32,
            "train_freq": 4,
            **SMALL,
        },
    ),
}
OFF_POLICY = ["DQN", "SAC"]
ON_POLICY = [name for name in ALL if name not in OFF_POLICY]


class Masked(Counter):
    """`Counter` where the last action is forbidden."""

    def action_masks(self):
        return np.array([True, True, False])


def make(name="PPO", cls=None, n_envs=3, env=None, **kwargs):
    """A student, taught unless ``cls`` says otherwise."""
    env = env or (Masked if name == "MaskablePPO" else Counter)
    # A copy: A2C writes its optimizer into the dict of its policy's arguments.
    arguments = {**copy.deepcopy(ALL[name][2]), **kwargs}
    return (cls or ALL[name][0])(env=make_vec_env(env, n_envs, seed=1), **arguments)


def parameters(model):
    return th.cat([p.detach().flatten() for p in model.policy.parameters()])


def handed_out(model):
    """The minibatch that is being learned from."""
    return (getattr(model, "rollout_buffer", None) or model.replay_buffer).batch


class WatchedLoss(CrossEntropy):
    """Cross-entropy that shows what it is given.

    :param on_gradient: called with ``(log_probs, prior, share)`` where a minibatch is taught
    :param on_value: called with ``(log_probs, prior)`` where advice is taught again
    """

    def __init__(self, on_gradient=None, on_value=None):
        self.on_gradient, self.on_value = on_gradient, on_value

    def gradient(self, log_probs, prior, share):
        if self.on_gradient:
            self.on_gradient(log_probs, prior, share)
        return super().gradient(log_probs, prior, share)

    def value(self, log_probs, prior):
        if self.on_value and log_probs.requires_grad:  # else for the log
            self.on_value(log_probs, prior)
        return super().value(log_probs, prior)


class WatchedGate(Gate):
    """A gate that lets everything through, and shows it."""

    def __init__(self, look):
        self.look = look

    def __call__(self, rows):
        self.look(rows)
        return th.ones_like(rows.weight)


class _Kept(KVWriter):
    def __init__(self):
        self.rows = []

    def write(self, key_values, key_excluded, step=0):
        self.rows.append(dict(key_values))

    def close(self):
        pass


def log_of(model, steps, **kwargs):
    """Train; a dictionary of what was logged per update of a student with rollouts."""
    kept = _Kept()
    model.set_logger(Logger(None, [kept]))
    model.learn(steps, log_interval=1, **kwargs)
    model.logger.dump()
    return [row for row in kept.rows if "teacher/coef" in row]
