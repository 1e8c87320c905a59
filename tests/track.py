"""Left or right: a small env, and a model that reads where to go in the task."""

import gymnasium as gym
import numpy as np

from gym_llmteacher import (
    ActionGrounding,
    Situation,
)

LEFT, RIGHT = "go left", "go right"


def cart(text="A cart.", task="x", options=(LEFT, RIGHT)):
    return Situation(text, options, np.eye(2, dtype=np.float32), task=task)


def west_or_east(body):
    where = "west" in str(body["messages"][-1])
    return f"Action: {{{LEFT if where else RIGHT}}}"


class Track(gym.Env):
    """Left or right; its one text never changes, its task is given."""

    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        return self.steps % 2, 0.0, False, self.steps == 6, {}


def on(task):
    return ActionGrounding(lambda obs: "A cart.", [LEFT, RIGHT], task=task)


def chosen(info):
    return (LEFT, RIGHT)[int(info["teacher_prior"].argmax())]
