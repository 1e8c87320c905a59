"""A small env to be taught in, and a teacher who knows it."""

import gymnasium as gym
import numpy as np
from stable_baselines3.common.monitor import Monitor

from gym_llmteacher import ActionGrounding, LLMTeacherWrapper, ScriptedTeacher


class Shout(gym.Env):
    """Ten times: do what the observation says, for a point."""

    observation_space = gym.spaces.Box(0, 2, (1,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 10
        return self.look(), {}

    def look(self):
        self.wanted = int(self.np_random.integers(3))
        return np.array([self.wanted], dtype=np.float32)

    def step(self, action):
        reward = float(action == self.wanted)
        self.left -= 1
        return self.look(), reward, False, self.left == 0, {"is_success": reward > 0}

    def action_masks(self):
        return np.array([True, True, self.wanted == 2])


def in_words(obs):
    return f"shout {int(obs['word'][0] if isinstance(obs, dict) else obs[0])}"


def grounding():
    return ActionGrounding(in_words, ["0", "1", "2"], task="shout what you hear")


def knows(situation):
    return (situation.text[-1],)


def taught(env=None, teacher=None, **kwargs):
    """The env with a teacher, monitored."""
    teacher = teacher or ScriptedTeacher(knows)
    return Monitor(LLMTeacherWrapper(env or Shout(), teacher, grounding=grounding(), **kwargs))
