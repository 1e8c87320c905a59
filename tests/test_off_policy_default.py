"""λ that ends too early lets Q-learning undo what it was taught; the default does not end."""

import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from gym_llmteacher import LLMTeacherWrapper, TeacherDQN
from gym_llmteacher.learning.coef import default_coef

FRAMES, LIMIT = 2000, {"max_episode_steps": 200}


@pytest.mark.parametrize(("coef", "walks"), [(None, True), (default_coef(FRAMES), False)])
def test_the_default_walks_along_the_cliff(coef, walks):
    env = make_vec_env(
        "CliffWalking-v1", 4, seed=0, env_kwargs=LIMIT, wrapper_class=LLMTeacherWrapper,
        wrapper_kwargs={"teacher": "script:cliff_walking_planner"},
    )  # fmt: skip
    model = TeacherDQN(
        "MlpPolicy", env, learning_rate=1e-3, learning_starts=500, gradient_steps=2, batch_size=64,
        target_update_interval=500, exploration_fraction=0.3, policy_kwargs={"net_arch": [64]},
        teacher_coef=coef, seed=0, device="cpu",
    ).learn(FRAMES)  # fmt: skip
    bare = make_vec_env("CliffWalking-v1", 1, env_kwargs=LIMIT)
    mean, _ = evaluate_policy(model, bare, n_eval_episodes=1)
    assert (mean > -20) == walks  # -13 is the best there is; -100 for each fall
