"""Levels that the tests of MiniGrid's groundings play."""

import gymnasium as gym
import minigrid  # noqa: F401  (registers the levels)
import numpy as np

from gym_llmteacher import LLMTeacherWrapper

PLANNER = {"script": "mission_planner"}

LEVELS = (
    "MiniGrid-BlockedUnlockPickup-v0",
    "MiniGrid-DistShift1-v0",
    "MiniGrid-DoorKey-6x6-v0",
    "MiniGrid-Empty-8x8-v0",
    "MiniGrid-Fetch-8x8-N3-v0",
    "MiniGrid-FourRooms-v0",
    "MiniGrid-GoToDoor-8x8-v0",
    "MiniGrid-GoToObject-8x8-N2-v0",
    "MiniGrid-KeyCorridorS3R3-v0",
    "MiniGrid-LavaCrossingS9N2-v0",
    "MiniGrid-LavaGapS7-v0",
    "MiniGrid-LockedRoom-v0",
    "MiniGrid-MultiRoom-N4-S5-v1",
    "MiniGrid-ObstructedMaze-2Dlhb-v1",
    "MiniGrid-PutNear-6x6-N2-v0",
    "MiniGrid-RedBlueDoors-6x6-v0",
    "MiniGrid-SimpleCrossingS9N3-v0",
    "MiniGrid-Unlock-v0",
    "MiniGrid-UnlockPickup-v0",
    "BabyAI-GoToLocal-v0",
    "BabyAI-GoToSeqS5R2-v0",
    "BabyAI-OpenDoorLoc-v0",
    "BabyAI-OpenTwoDoors-v0",
    "BabyAI-PickupLoc-v0",
    "BabyAI-PutNextLocalS5N3-v0",
    "BabyAI-PutNextS5N2Carrying-v0",
    "BabyAI-SynthS5R2-v0",
    "BabyAI-UnlockToUnlock-v0",
)


def play(env, seed, skill=0.5, steps=150):
    """Wrapped by a teacher or not: actions of the prior, or random ones; yields what step does.

    :param skill: share of the actions that follow the prior, where there is one
    """
    rng = np.random.default_rng(seed)
    obs, info = env.reset(seed=seed)
    yield None, obs, 0.0, False, info
    for _ in range(steps):
        prior = info.get("teacher_prior")
        follows = rng.random() < skill
        if prior is not None and follows:
            action = int(prior.argmax())
        else:
            action = int(rng.choice(7, p=[0.15, 0.15, 0.3, 0.1, 0.1, 0.15, 0.05]))
        obs, reward, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        yield action, obs, reward, over, info
        if over:
            return


def taught(level, **kwargs):
    """A level with the planner as its teacher."""
    return LLMTeacherWrapper(gym.make(level, **kwargs), teacher=PLANNER)
