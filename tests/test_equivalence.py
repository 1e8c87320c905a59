"""Coefficient 0 is PPO; above 0 it is PPO with one edited line. Bit for bit."""

import inspect
import textwrap

import pytest
import stable_baselines3.ppo.ppo as sb3_ppo
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import TeacherPPO
from gym_llmteacher.learning.losses import teaching_loss
from tests.tagging import Counter

LAMBDA = 0.7
SETTINGS = {
    "defaults": {},
    "target_kl": {"target_kl": 0.003, "learning_rate": 3e-3},
    "clipped values": {"clip_range_vf": 0.1, "vf_coef": 0.0, "ent_coef": 0.01},
    "tight clipping": {"max_grad_norm": 0.05, "normalize_advantage": False},
}


def reference():
    """PPO whose loss line reads as the paper writes it."""
    loss = "loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss"
    source = textwrap.dedent(inspect.getsource(PPO.train))
    assert source.count(loss) == 1
    edited = source.replace(
        loss,
        loss + " + LAMBDA * teaching_loss(self.policy.action_dist.distribution.logits, "
        "self.rollout_buffer.batch.prior, self.rollout_buffer.batch.weight)",
    )
    names = {**vars(sb3_ppo), "teaching_loss": teaching_loss, "LAMBDA": LAMBDA}
    exec(edited, names)  # our own dependency's source, not an answer of a model

    class Reference(TeacherPPO):
        train = names["train"]

    return Reference


def weights(algorithm, **kwargs):
    env = make_vec_env(Counter, 3, seed=1)
    model = algorithm("MlpPolicy", env, n_steps=64, batch_size=48, n_epochs=4, seed=3, device="cpu",
                      **kwargs)  # fmt: skip
    model.learn(3 * 64 * 4)
    state = model.policy.optimizer.state_dict()["state"]
    moments = [state[i][m].flatten() for i in state for m in ("exp_avg", "exp_avg_sq")]
    return th.cat([p.detach().flatten() for p in model.policy.parameters()] + moments)


@pytest.mark.parametrize("setting", SETTINGS)
def test_coefficient_zero_is_ppo(setting):
    arguments = SETTINGS[setting]
    assert th.equal(weights(PPO, **arguments), weights(TeacherPPO, teacher_coef=0, **arguments))


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_coefficient_is_one_more_term_in_the_loss(setting):
    arguments = SETTINGS[setting]
    taught = weights(TeacherPPO, teacher_coef=LAMBDA, **arguments)
    assert th.equal(weights(reference(), teacher_coef=LAMBDA, **arguments), taught)
    assert not th.equal(weights(PPO, **arguments), taught)
