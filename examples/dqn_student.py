"""An off-policy student: DQN, whose replay buffer keeps the teacher's advice with each transition.

Ten seconds: ``python examples/dqn_student.py [frames]``. A walk along a cliff, taught by a script;
plain DQN is still at -200 after as many frames.
"""

import sys

from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from gym_llmteacher import LLMTeacherWrapper, TeacherDQN

ENV, LIMIT = "CliffWalking-v1", {"max_episode_steps": 200}
frames = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
taught = make_vec_env(
    ENV,
    n_envs=4,
    seed=0,
    env_kwargs=LIMIT,
    wrapper_class=LLMTeacherWrapper,
    wrapper_kwargs={"teacher": {"script": "cliff_walking_planner"}},
)
model = TeacherDQN(
    "MlpPolicy",
    taught,
    learning_rate=1e-3,
    learning_starts=500,
    train_freq=4,
    gradient_steps=2,
    batch_size=64,
    target_update_interval=500,
    exploration_fraction=0.3,
    policy_kwargs={"net_arch": [64]},
    seed=0,
    device="cpu",
)
model.learn(frames)
model.save("dqn_student")  # DQN.load("dqn_student") works too

bare = make_vec_env(ENV, n_envs=8, seed=1000, env_kwargs=LIMIT)
reward, _ = evaluate_policy(model, bare, n_eval_episodes=100)
print(f"mean return of 100 walks: {reward:.1f} (-13 is the best there is)")
