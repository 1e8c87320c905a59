"""An env that names the right action, in every kind of env that can be played."""

import time

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    ActionGrounding,
    GroundingWrapper,
    LLMTeacherWrapper,
    ScriptedTeacher,
    VecTeacher,
    VectorTeacher,
)

LENGTH = 5
DOOR = "LLMTeacher/SimpleDoorKey-v0"


class Echo(gym.Env):
    """The observation names the right action; each episode has its own sequence of them."""

    observation_space = gym.spaces.Box(0, 2, (1,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, tells=True, over="terminated"):
        self.tells, self.over = tells, over

    def _obs(self):
        self.wanted = int(self.np_random.integers(3))
        return np.array([self.wanted], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = LENGTH
        return self._obs(), {}

    def step(self, action):
        reward = float(action == self.wanted)
        self.left -= 1
        over = self.left == 0
        info = {"is_success": bool(reward)} if self.tells and over else {}
        ends = (over and self.over == "terminated", over and self.over == "truncated")
        return self._obs(), reward, *ends, info


def grounding():
    return ActionGrounding(lambda obs: f"echo {int(obs[0])}", ["0", "1", "2"], task="echo")


RIGHT = ScriptedTeacher(lambda here: (here.text[-1],))
WRONG = ScriptedTeacher(lambda here: (str((int(here.text[-1]) + 1) % 3),))


def taught(teacher=RIGHT, **kwargs):
    return LLMTeacherWrapper(Echo(**kwargs), teacher, grounding(), smoothing=0.0)


def sync(make, mode):
    return SyncVectorEnv([make] * 2, autoreset_mode=mode)


KINDS = {
    "factory": lambda: taught,
    "single env": taught,
    "VecEnv": lambda: make_vec_env(taught, 2),
    "VecTeacher": lambda: VecTeacher(
        make_vec_env(lambda: GroundingWrapper(Echo(), grounding()), 2), RIGHT, 0.0,
        late_timeout=20.0,
    ),
    "next step": lambda: sync(taught, AutoresetMode.NEXT_STEP),
    "same step": lambda: sync(taught, AutoresetMode.SAME_STEP),
    "VectorTeacher": lambda: VectorTeacher(
        sync(lambda: GroundingWrapper(Echo(), grounding()), AutoresetMode.NEXT_STEP), RIGHT, 0.0,
        late_timeout=20.0,
    ),
}  # fmt: skip


class Slow(ScriptedTeacher):
    """Its answers are late."""

    def advise(self, situations):
        time.sleep(0.05)
        return super().advise(situations)


def slow():
    teacher = Slow(lambda here: (here.text[-1],))
    return LLMTeacherWrapper(Echo(), teacher, grounding(), 0.0, workers=1, late_timeout=20.0)


LATE = {
    "factory": lambda: slow,
    "VecEnv": lambda: make_vec_env(slow, 2),
    "next step": lambda: sync(slow, AutoresetMode.NEXT_STEP),
    "same step": lambda: sync(slow, AutoresetMode.SAME_STEP),
    "VectorTeacher": lambda: VectorTeacher(
        sync(lambda: GroundingWrapper(Echo(), grounding()), AutoresetMode.NEXT_STEP),
        Slow(lambda here: (here.text[-1],)), 0.0, late_timeout=20.0,
    ),
}  # fmt: skip
