"""Envs in processes of their own, and one teacher for all of them in this one.

Half a minute: ``python examples/subproc_vec_env.py [frames]``. The envs only put their situations
into words; `VecTeacher` asks, each text once, in the background. Replace the script by
``"openai/gpt-4o-mini"`` or ``None`` (the embedded language model), and nothing else changes.
"""

import sys

from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import SubprocVecEnv

from gym_llmteacher import GroundingWrapper, TeacherPPO, VecTeacher


def main():
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    envs = make_vec_env(
        "FrozenLake-v1",
        n_envs=4,
        seed=0,
        wrapper_class=GroundingWrapper,
        vec_env_cls=SubprocVecEnv,
    )
    taught = VecTeacher(envs, teacher={"script": "frozen_lake_planner"})
    model = TeacherPPO("MlpPolicy", taught, n_steps=128, batch_size=128, seed=0, device="cpu")
    model.learn(frames)
    taught.close()

    bare = make_vec_env("FrozenLake-v1", n_envs=8, seed=1000)
    reached, _ = evaluate_policy(model, bare, n_eval_episodes=200)
    print(f"goal reached in {reached:.0%} of 200 episodes (the best there is: 74%)")


if __name__ == "__main__":  # processes that are started import this file
    main()
