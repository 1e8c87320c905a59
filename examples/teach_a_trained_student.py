"""Teach a student you already have: plain PPO at first, and a teacher from then on.

Ten seconds: ``python examples/teach_a_trained_student.py [frames]``. A FrozenLake of 8x8 cells that
does not slip. PPO has trained for 2,048 frames, and goes on with a script beside it.
"""

import sys

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from gym_llmteacher import LLMTeacherWrapper, TeacherPPO

ENV, LAKE = "FrozenLake-v1", {"is_slippery": False, "map_name": "8x8"}
frames = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
bare = make_vec_env(ENV, n_envs=4, seed=0, env_kwargs=LAKE)
plain = PPO("MlpPolicy", bare, n_steps=128, learning_rate=1e-3, seed=0, device="cpu")
plain.learn(2_048).save("plain")
before, _ = evaluate_policy(plain, bare, n_eval_episodes=100, deterministic=False)

taught = make_vec_env(
    ENV,
    n_envs=4,
    seed=0,
    env_kwargs=LAKE,
    wrapper_class=LLMTeacherWrapper,
    wrapper_kwargs={"teacher": {"script": "frozen_lake_planner"}},
)
model = TeacherPPO.load("plain", env=taught, device="cpu")
model.learn(frames, reset_num_timesteps=False)  # λ begins at 3 here, at frame 2,048
model.save("taught")  # PPO.load("taught") works too
after, _ = evaluate_policy(model, bare, n_eval_episodes=100, deterministic=False)
print(f"goal reached in {before:.0%} of 100 episodes before, in {after:.0%} after")
