"""When to ask, learned: an asker is trained, and saves a student's teacher most of the questions.

No key, no network, about a minute: ``python examples/learned_asking.py [frames]``
"""

import sys

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import AskingWrapper, ChangeFeatures, LearnedAsk, LLMTeacherWrapper, play

TASK, PLANNER = "LLMTeacher/SimpleDoorKey-v0", "script:door_key_planner"
frames = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000

# Action 0 goes on with the plan in hand, action 1 asks for a new one.
env = make_vec_env(lambda: AskingWrapper(gym.make(TASK), PLANNER, noop_action=6), 4, seed=0)
asker = PPO(
    "MultiInputPolicy",
    env,
    learning_rate=2e-3,
    n_steps=128,
    batch_size=128,
    n_epochs=6,
    ent_coef=0.01,
    policy_kwargs={"features_extractor_class": ChangeFeatures, "net_arch": [32]},
    seed=0,
    device="cpu",
)
asker.learn(frames)
asker.save("asker")

# What was learned is a condition, for every wrapper that has a teacher.
taught = LLMTeacherWrapper(gym.make(TASK), PLANNER, ask=LearnedAsk("asker.zip"))
record = play(taught, "teacher", 50, seed=1000, deterministic=True)
saved = taught.adviser.metrics()["saved_learned"]
print(f"{record.success:.0%} of 50 doors opened, in {record.mean_length:.0f} steps each")
print(f"{saved / record.steps:.0%} of the questions saved")
