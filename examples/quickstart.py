"""The two-line change: an SB3 script, taught by a language model on this machine.

No key, no network, about a minute: ``python examples/quickstart.py [frames]``
"""

import sys

import gymnasium as gym
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from gym_llmteacher import EgoMapFeatures, LLMTeacherWrapper, TeacherPPO

ENV = "LLMTeacher/SimpleDoorKey-v0"
frames = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000

env = make_vec_env(ENV, n_envs=8, seed=0, wrapper_class=LLMTeacherWrapper)  # was: no wrapper_class
model = TeacherPPO(  # was: PPO(
    "MlpPolicy",
    env,
    learning_rate=1e-3,
    n_steps=128,
    batch_size=128,
    n_epochs=8,
    ent_coef=0.001,
    policy_kwargs={"features_extractor_class": EgoMapFeatures, "net_arch": [64]},
    seed=0,
    device="cpu",
)
model.learn(frames)
model.save("student")  # PPO.load("student") works too, where this package is not installed

# The student alone: a bare env, no teacher.
bare = make_vec_env(ENV, n_envs=8, seed=1000)
reward, _ = evaluate_policy(model, bare, n_eval_episodes=100, deterministic=False)
longest = gym.make(ENV).unwrapped.max_steps
print(f"mean return of 100 episodes: {reward:.2f} (1 - 0.9 * steps / {longest} when a door opens)")
