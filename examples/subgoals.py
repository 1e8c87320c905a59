"""Subgoals: plain PPO is shown a teacher's plan, option by option; later it runs without one.

No key, no network, about two minutes: ``python examples/subgoals.py [frames]``
"""

import sys

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import SubgoalFeatures, SubgoalWrapper, play

TASK, PLANNER = "LLMTeacher/SimpleDoorKey-v0", "script:door_key_planner"
frames = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000


def led(dropout: float) -> gym.Env:
    """A share of the episodes has no subgoals: the student learns to do without them, too."""
    return SubgoalWrapper(gym.make(TASK), PLANNER, encoding="relative", dropout=dropout)


model = PPO(
    "MultiInputPolicy",
    make_vec_env(lambda: led(0.3), 8, seed=0),
    learning_rate=1e-3,
    n_steps=128,
    batch_size=128,
    n_epochs=8,
    ent_coef=0.001,
    policy_kwargs={"features_extractor_class": SubgoalFeatures, "net_arch": [64]},
    seed=0,
    device="cpu",
)
model.learn(frames)
for dropout, name in ((0.0, "with subgoals"), (1.0, "without")):
    record = play(lambda dropout=dropout: led(dropout), model, 100, seed=1000)
    print(f"{name}: {record.success:.0%} of 100 doors opened")
