"""FrozenLake, found by its id and taught by a script that reads nothing but the words.

Half a minute: ``python examples/frozen_lake.py [frames]``. Leave ``teacher`` out, and the embedded
language model answers instead.
"""

import sys

from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from gym_llmteacher import LLMTeacherWrapper, TeacherPPO

frames = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
taught = make_vec_env(
    "FrozenLake-v1",
    n_envs=8,
    seed=0,
    wrapper_class=LLMTeacherWrapper,
    wrapper_kwargs={"teacher": {"script": "frozen_lake_planner"}},
)
taught.reset()
print(taught.env_method("get_wrapper_attr", "situation")[0].text)

model = TeacherPPO("MlpPolicy", taught, n_steps=128, batch_size=128, seed=0, device="cpu")
model.learn(frames)

bare = make_vec_env("FrozenLake-v1", n_envs=8, seed=1000)
reached, _ = evaluate_policy(model, bare, n_eval_episodes=200)
print(f"goal reached in {reached:.0%} of 200 episodes (the best there is: 74%)")
