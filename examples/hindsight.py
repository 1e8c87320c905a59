"""Hindsight: goals, and advice with them, relabelled with what was achieved.

Half a minute: ``python examples/hindsight.py [frames]``. Taxi, whose passenger wants to go
somewhere else each time, taught by a script.
"""

import sys

import gymnasium as gym
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import LLMTeacherWrapper, MissionGoals, TeacherDQN

ENV = max(name for name in gym.registry if name.startswith("Taxi-v"))  # of this Gymnasium
LIMIT = {"max_episode_steps": 100}
frames = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000


def taught(env):
    return MissionGoals(LLMTeacherWrapper(env, teacher="script:taxi_planner"))


model = TeacherDQN(
    "MultiInputPolicy",
    make_vec_env(ENV, n_envs=4, seed=0, env_kwargs=LIMIT, wrapper_class=taught),
    replay_buffer_class=HerReplayBuffer,
    learning_rate=5e-4,
    gamma=0.95,
    batch_size=128,
    learning_starts=1_000,
    gradient_steps=4,
    target_update_interval=500,
    exploration_fraction=0.3,
    policy_kwargs={"net_arch": [128, 128]},
    seed=0,
    device="cpu",
)
model.learn(frames)
model.save("hindsight")  # DQN.load("hindsight") works too

bare = make_vec_env(ENV, n_envs=4, seed=1000, env_kwargs=LIMIT, wrapper_class=MissionGoals)
obs, arrived = bare.reset(), []
while len(arrived) < 100:
    obs, _, dones, infos = bare.step(model.predict(obs, deterministic=True)[0])
    arrived += [info["is_success"] for info, done in zip(infos, dones, strict=True) if done]
print(f"passengers who arrived: {sum(arrived[:100])} of 100")
