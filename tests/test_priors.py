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


def test_rows_after_one_without_a_prior_are_read():
    infos = [{}, {"teacher_prior": [1.0, 0.0], "teacher_weight": 0.5}]
    rows = read_priors(infos, (2,), required=False)
    assert rows.weight.tolist() == [0.0, 0.5]
    assert rows.prior.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    assert rows.prior.dtype == rows.weight.dtype == np.float32


@pytest.mark.parametrize("row", [[1.0], [0.5, 0.25, 0.25], [[0.5, 0.5]], np.ones((2, 1)), 1.0])
def test_misshapen_priors_say_their_shape_and_their_env(row):
    shape = str(np.shape(row)).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(PriorError, match=rf"env 1 has shape {shape}, expected \(2,\)"):
        read_priors([{"teacher_prior": HALF}, {"teacher_prior": row}], (2,))


def test_misshapen_weights_say_their_shape_and_their_env():
    bad = {"teacher_prior": HALF, "teacher_weight": np.ones(3)}
    with pytest.raises(PriorError, match=r"weight of env 1 has shape \(3,\), expected one number"):
        read_priors([{"teacher_prior": HALF}, bad], (2,))
    bad = {"teacher_prior": np.tile(HALF, 2), "teacher_weight": np.ones(3)}
    with pytest.raises(PriorError, match=r"\(3,\), expected one number in \[0, 1\], or 2: one per"):
        read_priors([bad], (2, 2))


def test_the_env_that_is_wrong_is_named():
    good = {"teacher_prior": [1.0, 0.0], "teacher_weight": 1.0}
    silent = {"teacher_prior": [-9.0, 10.0], "teacher_weight": 0.0}  # a placeholder may be anything
    bad = {"teacher_prior": [0.75, 0.75], "teacher_weight": 0.5}
    message = r"^env 2 gave teacher_prior=\[0.75, 0.75\] with teacher_weight=0.5; expected"
    with pytest.raises(PriorError, match=message):
        read_priors([good, silent, bad, bad], (2,))
    with pytest.raises(PriorError, match=r"^env 1 gave .*with teacher_weight=2.0;"):
        read_priors([silent, {**good, "teacher_weight": 2.0}], (2,))
    assert read_priors([good, silent], (2,)).prior.tolist() == [[1.0, 0.0], [0.5, 0.5]]


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


def test_each_env_acts_on_its_own_prior():
    rng = np.random.default_rng(0)
    priors = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    for sure in (True, False):
        for _ in range(20):
            actions = act_on(priors, np.ones(3), sure, rng)
            assert (actions.tolist(), actions.dtype) == ([2, 0, 1], np.int64)


def test_actions_are_drawn_by_their_share_even_of_priors_that_do_not_sum_to_one():
    rng = np.random.default_rng(0)
    for scale in (0.5, 1.0, 2.0):
        actions = act_on(np.tile([0.1, 0.3, 0.6], (9000, 1)) * scale, np.ones(9000), False, rng)
        shares = np.bincount(actions, minlength=3) / 9000
        assert shares == pytest.approx([0.1, 0.3, 0.6], abs=0.03)
    # Rows are drawn for independently of each other.
    assert 0.4 < (actions[1:] == actions[:-1]).mean() < 0.52
