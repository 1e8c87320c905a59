"""An env with two action dimensions, a teacher who knows it, and students for it."""

import gymnasium as gym
import numpy as np
from sb3_contrib import MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    Advice,
    LLMTeacherWrapper,
    MultiDiscreteGrounding,
    ScriptedTeacher,
    TeacherA2C,
    TeacherMaskablePPO,
    TeacherPPO,
    TeacherRecurrentPPO,
)

NAMES = {"pedal": ["brake", "coast", "accelerate"], "horn": ["silent", "honk"]}
SMALL = {"n_steps": 32, "seed": 3, "device": "cpu"}
STUDENTS = {
    "PPO": (TeacherPPO, PPO, "MlpPolicy", {"batch_size": 48, "n_epochs": 2}),
    "A2C": (TeacherA2C, A2C, "MlpPolicy", {}),
    "MaskablePPO": (TeacherMaskablePPO, MaskablePPO, "MlpPolicy", {"batch_size": 48}),
    "RecurrentPPO": (TeacherRecurrentPPO, RecurrentPPO, "MlpLstmPolicy",
                     {"batch_size": 48, "policy_kwargs": {"lstm_hidden_size": 8}}),
}  # fmt: skip


class Drive(gym.Env):
    """Two numbers say which pedal and whether to honk; there is no reward at all."""

    metadata = {"render_modes": ["rgb_array"]}
    render_mode = "rgb_array"
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.MultiDiscrete([3, 2])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(3, 12))
        return self.look(), {}

    def look(self):
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def step(self, action):
        self.left -= 1
        return self.look(), 0.0, False, self.left == 0, {}

    def action_masks(self):
        return np.ones(5, dtype=bool)

    def render(self):
        return np.zeros((20, 20, 3), dtype=np.uint8)


def right(obs):
    """Which pedal, and whether to honk; ``(..., 2)``."""
    return np.stack([np.digitize(obs[..., 0], [-0.3, 0.3]), obs[..., 1] > 0], axis=-1).astype(int)


def in_words(obs):
    pedal, horn = right(obs)
    return f"Pedal {pedal}, horn {horn}."


def script(situation):
    pedal, horn = (int(word.strip(",.")) for word in situation.text.split() if word[0].isdigit())
    if "decided: pedal" in situation.text:
        return (NAMES["pedal"][pedal],)
    return (NAMES["horn"][horn],)


def pedal_only(situation):
    return script(situation) if "pedal." in situation.text else Advice.abstain("knows no horns")


def taught(teacher=script, **kwargs):
    grounding = MultiDiscreteGrounding(in_words, NAMES, task="drive home")
    return LLMTeacherWrapper(Drive(), ScriptedTeacher(teacher), grounding=grounding, **kwargs)


def make(name, cls=None, env=taught, n_envs=3, **kwargs):
    ours, _, policy, settings = STUDENTS[name]
    return (cls or ours)(
        policy, make_vec_env(env, n_envs, seed=1), **{**SMALL, **settings, **kwargs}
    )
