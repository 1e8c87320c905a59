"""Coefficient 0 is PPO; above 0 it is PPO with one edited line. Bit for bit."""

import inspect
import sys
import textwrap

import pytest
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import TeacherPPO
from gym_llmteacher.learning.losses import teaching_loss
from tests.students import ALL, make, parameters
from tests.tagging import Counter

LAMBDA = 0.7
SETTINGS = {
    "defaults": {},
    "target_kl": {"target_kl": 0.003, "learning_rate": 3e-3},
    "clipped values": {"clip_range_vf": 0.1, "vf_coef": 0.0, "ent_coef": 0.01},
    "tight clipping": {"max_grad_norm": 0.05, "normalize_advantage": False},
}
LOSS = "loss = policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss"
TAUGHT = f"""{LOSS} + LAMBDA * teaching_loss(
    self.policy.action_dist.distribution.logits,
    self.rollout_buffer.batch.prior, self.rollout_buffer.batch.weight, DIVERGENCE)"""
EDITS = {
    **{key: {LOSS: TAUGHT} for key in ["PPO", "A2C", "MaskablePPO", "RecurrentPPO"]},
    "DQN": {
        "current_q_values = self.q_net(replay_data.observations)": "current_q_values = all_q = "
        "self.q_net(replay_data.observations)",
        "loss = F.smooth_l1_loss(current_q_values, target_q_values)": "loss = F.smooth_l1_loss("
        "current_q_values, target_q_values) + LAMBDA * teaching_loss((all_q / 0.3).log_softmax(1), "
        "self.replay_buffer.batch.prior, self.replay_buffer.batch.weight, DIVERGENCE)",
    },
    "SAC": {
        "losses = self._losses(data)": "losses = self._losses(data)\n"
        "log_probs = self.policy.actor(data.observations).log_softmax(1)\n"
        "losses['taught'] = LAMBDA * teaching_loss(log_probs, "
        "self.replay_buffer.batch.prior, self.replay_buffer.batch.weight, DIVERGENCE)",
    },
}


def reference(name="PPO", divergence="cross_entropy"):
    """The algorithm, whose loss line reads as the paper writes it."""
    taught, parent, _ = ALL[name]
    source = textwrap.dedent(inspect.getsource(parent.train))
    for line, edited in EDITS[name].items():
        assert source.count(line) == 1
        indent = next(row for row in source.split("\n") if line in row).split(line)[0]
        source = source.replace(line, edited.replace("\n", f"\n{indent}"))
    names = {
        **vars(sys.modules[parent.__module__]),
        "teaching_loss": teaching_loss, "LAMBDA": LAMBDA, "DIVERGENCE": divergence,
    }  # fmt: skip
    exec(source, names)  # our own dependency's source, not an answer of a model
    return type("Reference", (taught,), {"train": names["train"]})


def weights(algorithm, **kwargs):
    env = make_vec_env(Counter, 3, seed=1)
    model = algorithm("MlpPolicy", env, n_steps=64, batch_size=48, n_epochs=4, seed=3, device="cpu",
                      **kwargs)  # fmt: skip
    model.learn(3 * 64 * 4)
    state = model.policy.optimizer.state_dict()["state"]
    moments = [state[i][m].flatten() for i in state for m in ("exp_avg", "exp_avg_sq")]
    return th.cat([parameters(model), *moments])


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


@pytest.mark.parametrize("name", [name for name in ALL if name != "PPO"])
def test_of_the_other_algorithms_too(name):
    arguments = {"teacher_temperature": 0.3} if name == "DQN" else {}
    taught = make(name, teacher_coef=LAMBDA, **arguments).learn(240)
    edited = make(name, reference(name), teacher_coef=LAMBDA, **arguments).learn(240)
    if name == "SAC":  # where the reference adds up gradients in another order
        th.testing.assert_close(parameters(edited), parameters(taught), rtol=1e-4, atol=1e-5)
    else:
        assert th.equal(parameters(edited), parameters(taught))


@pytest.mark.parametrize("divergence", ["forward_kl", "reverse_kl"])
def test_of_the_other_divergences_too(divergence):
    arguments = {"teacher_coef": LAMBDA, "teacher_divergence": divergence}
    taught = make("PPO", **arguments).learn(192)
    edited = make("PPO", reference("PPO", divergence), **arguments).learn(192)
    # Worked out by hand and by autograd: the same but for rounding.
    th.testing.assert_close(parameters(edited), parameters(taught), rtol=1e-4, atol=1e-5)
    other = make("PPO", teacher_coef=LAMBDA).learn(192)
    assert th.equal(parameters(other), parameters(taught)) == (divergence == "forward_kl")
