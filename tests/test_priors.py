"""Priors and weights as infos carry them."""

import gymnasium as gym
import numpy as np
import pytest
import torch as th

from gym_llmteacher.errors import PriorError
from gym_llmteacher.learning.priors import act_on, read_priors

HALF = np.full(2, 0.5, dtype=np.float32)


def read(weight, sizes=(2,)):
    prior = np.concatenate([np.full(n, 1 / n, dtype=np.float32) for n in sizes])
    return read_priors([{"teacher_prior": prior, "teacher_weight": weight}], sizes)


@pytest.mark.parametrize("weight", [0, 1, True, False, np.int64(1), np.bool_(True), np.array(1)])
def test_a_weight_that_is_no_float_raises(weight):
    with pytest.raises(PriorError, match=r"env 0 is .*expected a float: write float\(weight\)"):
        read(weight)


@pytest.mark.parametrize("weight", [[1, 0], np.array([1, 0]), np.array([True, False]), (1, 1)])
def test_nor_are_several(weight):
    with pytest.raises(PriorError, match=r"expected a float.*array of dtype float32"):
        read(weight, (2, 3))


@pytest.mark.parametrize("weight", [None, "1.0", "much"])
def test_nor_is_what_is_no_number(weight):
    with pytest.raises(PriorError, match="expected a float"):
        read(weight)


@pytest.mark.parametrize(
    "weight",
    [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), np.array([0.5]), th.tensor(0.5)],
)
def test_floats_of_any_kind_are_weights(weight):
    assert read(weight).weight.tolist() == [0.5]
    assert read(weight).weight.dtype == np.float32


@pytest.mark.parametrize("weight", [-0.5, -1e-6, 1.001, float("nan"), float("inf")])
def test_a_weight_is_from_0_to_1(weight):
    with pytest.raises(PriorError, match=r"env 0 gave .*and a weight in \[0, 1\]"):
        read(weight)


def test_several_weights():
    for weight in ([0.5, 1.0], (0.5, 1.0), np.array([0.5, 1.0])):
        assert read(weight, (2, 3)).weight.tolist() == [[0.5, 1.0]]


def test_what_happens_to_an_integer_in_gymnasiums_vector_envs():
    """Why it raises: the second env's half would be 0."""

    class Weighted(gym.Env):
        observation_space = gym.spaces.Discrete(2)
        action_space = gym.spaces.Discrete(2)

        def __init__(self, weight):
            self.weight = weight

        def reset(self, *, seed=None, options=None):
            return 0, {"teacher_prior": HALF, "teacher_weight": self.weight}

    def weights(*values):
        envs = gym.vector.SyncVectorEnv([lambda v=v: Weighted(v) for v in values])
        return envs.reset()[1]["teacher_weight"].tolist()

    assert weights(1, 0.5) == [1, 0]
    assert weights(1.0, 0.5) == [1.0, 0.5]


def test_a_missing_weight_is_one_and_a_missing_prior_has_none():
    rows = read_priors([{"teacher_prior": [1.0, 0.0]}, {}], (2,), required=False)
    assert rows.weight.tolist() == [1.0, 0.0]
    assert rows.prior.tolist() == [[1.0, 0.0], [0.5, 0.5]]
    with pytest.raises(PriorError, match="env 1 gave keys"):
        read_priors([{"teacher_prior": HALF}, {"is_success": True}], (2,))


@pytest.mark.parametrize(("total", "good"), [(1.0009, True), (1.0012, False), (0.9988, False)])
def test_priors_sum_to_one_within_a_thousandth(total, good):
    info = {"teacher_prior": [0.5, total - 0.5], "teacher_weight": 1.0}
    if good:
        assert read_priors([info], (2,)).weight.tolist() == [1.0]
    else:
        with pytest.raises(PriorError, match="expected finite probabilities that sum to 1"):
            read_priors([info], (2,))
    with pytest.raises(PriorError, match="sum to 1"):
        read_priors([{"teacher_prior": [1.5, -0.5], "teacher_weight": 1.0}], (2,))


def test_actions_by_priors():
    rng = np.random.default_rng(0)
    priors = np.tile([0.2, 0.8], (4000, 1))
    assert act_on(priors, np.ones(4000), True, rng).tolist() == [1] * 4000
    assert act_on(priors, np.ones(4000), False, rng).mean() == pytest.approx(0.8, abs=0.03)
    # Where the teacher abstains the most likely action of a placeholder would always be the first.
    silent = act_on(np.full((4000, 4), 0.25), np.zeros(4000), True, rng)
    assert np.bincount(silent, minlength=4) == pytest.approx(1000, abs=150)
