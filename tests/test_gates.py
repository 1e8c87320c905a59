"""Gates: each factor by hand, and that training takes them."""

import math

import pytest
import torch as th
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import TeacherPPO
from gym_llmteacher.learning.gates import GATES, gated_weight
from tests.tagging import Counter

PRIOR = th.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [1 / 3, 1 / 3, 1 / 3]])


def factors(gates, advantages=(0.0, 0.0, 0.0), ratio=(1.0, 1.0, 1.0)):
    return gated_weight(
        gates, th.tensor([1.0, 0.5, 1.0]), PRIOR, th.tensor([[0.0], [0.0], [0.0]]),
        th.tensor(advantages), th.tensor(ratio).log(), th.zeros(3),
    )  # fmt: skip


def test_no_gate_no_change():
    assert factors(()).tolist() == [1.0, 0.5, 1.0]


def test_confidence():
    entropy = -(0.8 * math.log(0.8) + 0.2 * math.log(0.1))
    sure = 1 - entropy / math.log(3)
    assert factors(("confidence",)).tolist() == pytest.approx([sure, sure / 2, 0.0], abs=1e-6)


def test_advantage():
    # Row 0 did what the teacher says; row 1 did not, and did better; row 2 did worse.
    assert factors(("advantage",), (1.0, 1.0, -1.0)).tolist() == [1.0, 0.0, 1.0]
    assert factors(("advantage",), (-1.0, -1.0, 1.0)).tolist() == [1.0, 0.5, 1.0]


def test_proximal():
    assert factors(("proximal",), ratio=(2.0, 0.5, 0.9)).tolist() == pytest.approx([2.0, 0.4, 0.9])
    weight = th.ones(1, requires_grad=True)
    log_prob = th.zeros(1, requires_grad=True)
    args = (PRIOR[:1], th.zeros(1, 1), th.zeros(1), log_prob, th.zeros(1))
    gated_weight(("proximal",), weight, *args).sum().backward()
    assert log_prob.grad is None  # the factor is a number, not a path for gradients


@pytest.mark.parametrize("gates", [*GATES, GATES])
def test_training_with_gates(gates, tmp_path):
    env = make_vec_env(Counter, 2, seed=0)
    model = TeacherPPO("MlpPolicy", env, n_steps=16, batch_size=16, teacher_coef=1.0,
                       teacher_gates=gates, seed=0)  # fmt: skip
    model.learn(64).save(tmp_path / "student")
    loaded = TeacherPPO.load(tmp_path / "student")
    assert tuple(loaded.teacher_gates) == ((gates,) if isinstance(gates, str) else gates)
