"""Taxi, whose options are skills: drive to a stand, pick up, drop off.

A minute: ``python examples/taxi.py [frames]``. The teacher says where to drive; which way that is,
around the walls, the grounding knows.
"""

import sys

import gymnasium as gym
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from gym_llmteacher import LLMTeacherWrapper, ScriptedTeacher, TeacherPPO


def dispatcher(situation):
    passenger, goal = situation.text.split(" and wants to go to ")
    if "in the taxi" in passenger:
        return (f"drive to {goal.split('.')[0]}", "drop off passenger")
    return (f"drive to {passenger.split()[-1]}", "pick up passenger")


TAXI = max(name for name in gym.registry if name.startswith("Taxi-v"))  # of this Gymnasium
frames = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
taught = make_vec_env(
    TAXI,
    n_envs=8,
    seed=0,
    wrapper_class=LLMTeacherWrapper,
    wrapper_kwargs={"teacher": ScriptedTeacher(dispatcher)},
)
taught.reset()
print(taught.env_method("get_wrapper_attr", "situation")[0].text)

model = TeacherPPO(
    "MlpPolicy", taught, learning_rate=1e-3, n_steps=128, batch_size=128, seed=0, device="cpu"
)
model.learn(frames)

bare = make_vec_env(TAXI, n_envs=8, seed=1000)
reward, _ = evaluate_policy(model, bare, n_eval_episodes=100, deterministic=False)
print(f"mean return of 100 rides: {reward:.1f} (8 is about the best, -200 the worst)")
