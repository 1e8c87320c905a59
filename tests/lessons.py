"""The smallest door-key task, a student for it, and how much of the teacher is in a student."""

import gymnasium as gym
import numpy as np
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import EgoMapFeatures, LLMTeacherWrapper, TeacherPPO

TASK = "LLMTeacher/SimpleDoorKey-v0"
PLANNER = {"script": "door_key_planner"}


class NoReward(gym.RewardWrapper):
    def reward(self, reward):
        return 0.0


def agreement(model, n=512):
    """How often the student's most likely action is the teacher's, on its own rollouts."""
    env = LLMTeacherWrapper(gym.make(TASK), PLANNER)
    obs, info = env.reset(seed=77)
    same = []
    for _ in range(n):
        action, _ = model.predict(obs)
        best, _ = model.predict(obs, deterministic=True)
        same.append(int(best) == int(info["teacher_prior"].argmax()))
        obs, _, terminated, truncated, info = env.step(int(action))
        if terminated or truncated:
            obs, info = env.reset()
    return float(np.mean(same))


def taught(coef, wrapper=lambda env: env, seed=0, **kwargs):
    env = make_vec_env(
        TASK, 4, seed=seed, wrapper_class=lambda e: LLMTeacherWrapper(wrapper(e), PLANNER)
    )
    policy_kwargs = {"features_extractor_class": EgoMapFeatures, "net_arch": [64]}
    return TeacherPPO("MlpPolicy", env, teacher_coef=coef, seed=seed, n_steps=128, batch_size=128,
                      n_epochs=8, learning_rate=1e-3, device="cpu",
                      policy_kwargs=policy_kwargs, **kwargs)  # fmt: skip
