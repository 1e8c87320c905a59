"""Bounds, names and factors in `learning`: each of these fails for a fault no other test saw."""

import numpy as np
import pytest
import torch as th

from gym_llmteacher.errors import ScheduleError, StudentError
from gym_llmteacher.learning.coef import coef_schedule
from gym_llmteacher.learning.divergences import Divergence
from gym_llmteacher.learning.gates import Advantage, Confidence, Gate, GateInputs, Proximal
from gym_llmteacher.learning.gating import gated_weight
from gym_llmteacher.learning.losses import figures, taught_rows, teaching_gradient
from gym_llmteacher.learning.named import from_spec, register
from gym_llmteacher.learning.priors import act_on
from gym_llmteacher.learning.schedules import Exponential, Linear


def test_schedules_begin_at_their_start_and_end_at_their_end():
    assert [Linear(0.3, 0.1, steps=100)(t) for t in (0, 100)] == [0.3, 0.1]
    assert [Exponential(4.0, half_life=100)(t) for t in (0, 200)] == [4.0, 1.0]  # never cut
    assert [Exponential(4.0, 100, cut_steps=200)(t) for t in (100, 200)] == [2.0, 0.0]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"shape": "x"}, "expected one of constant, linear, exponential, llm4teach, adaptive: wr"),
        ({"shape": "constant", "b": 1, "a": 1}, "has no argument a, b; it takes value"),
        ("3", r"is '3' \(str\), expected a number, a dict with \"shape\", or a schedule .*Teach\("),
    ],
)
def test_what_is_no_coefficient(spec, message):
    with pytest.raises(ScheduleError, match=message):
        coef_schedule(spec)


@pytest.mark.parametrize(
    ("spec", "name"), [("pink", "pink"), ("", "name"), (3.5, "name"), ([1], "name")]
)
def test_the_cure_for_an_unknown_name(spec, name):
    with pytest.raises(StudentError, match=rf'red, blue, or .*register_int\("{name}", \.\.\.\)'):
        from_spec("colour is", spec, int, {"red": 7, "blue": 8})


def test_built_in_names_are_taken():
    with pytest.raises(StudentError, match=r"'red', expected .* not one of red, blue: "):
        register("red", 1, int, {}, ["red", "blue"])


def test_a_masked_action_is_finite_and_out_of_reach():
    """As `Divergence.value` promises: -5e7 or less, and not -inf."""
    log_probs = th.tensor([[-float("inf"), 0.0]])
    rows = taught_rows(log_probs, th.tensor([[0.5, 0.5]]), th.ones(1))
    assert rows.prior.tolist() == [[0.0, 1.0]]
    assert -float("inf") < rows.log_probs[0, 0].item() <= -5e7


def test_minibatches_of_one_update_have_the_same_dimensions():
    rows = taught_rows(th.full((1, 2), 0.5).log(), th.tensor([[1.0, 0.0]]), th.ones(1))
    with pytest.raises(ValueError, match="zip"):
        figures([[rows, rows], [rows]], "forward_kl")


def inputs(prior, weight=None, actions=None, advantages=None):
    n = len(prior)
    zero = th.zeros(n)
    return GateInputs(
        prior, prior, th.ones(n) if weight is None else weight,
        th.zeros(n, dtype=th.int64) if actions is None else actions,
        zero if advantages is None else advantages, zero, zero,
    )  # fmt: skip


def test_confidence_is_from_0_to_1():
    """Even where a prior sums to 1 but for the rounding that `read_priors` lets pass."""
    priors = [[0.5, 0.5], [0.4995, 0.4995], [1.0, 0.0], [1.0005, 0.0]]
    assert Confidence()(inputs(th.tensor(priors))).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert Confidence()(inputs(th.tensor([[0.9, 0.1]]))).item() == pytest.approx(0.531, abs=1e-3)
    assert Confidence()(inputs(th.tensor([[1.0]]))).item() == 1.0


def test_factors_are_of_the_weights_type():
    prior = th.tensor([[1.0, 0.0], [1.0, 0.0]])
    rows = inputs(prior, th.ones(2, dtype=th.float64), th.tensor([1, 0]), th.ones(2))
    factors = Advantage()(rows)
    assert (factors.tolist(), factors.dtype) == ([0.0, 1.0], th.float64)


def test_a_clip_of_none_and_of_all():
    assert [Proximal(clip).clip for clip in (0.0, 1.0)] == [0.0, 1.0]
    for clip in (-0.1, 1.1, True):
        with pytest.raises(StudentError, match=rf"clip is {clip}, expected a number in \[0, 1\]"):
            Proximal(clip)


def test_a_negative_factor_is_named():
    class Signed(Gate):
        def __call__(self, rows):
            return th.tensor([1.0, 0.5, -2.0])

    rows = inputs(th.full((3, 2), 0.5), th.tensor([0.0, 1.0, 1.0]))
    with pytest.raises(StudentError, match="gave a weight of -2, expected 0 or more"):
        gated_weight([Signed()], rows)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda log_probs: log_probs.exp(), r"^Mine.value returned .* shape \(1, 2\) .*sum over"),
        (lambda log_probs: (log_probs * 0).log().sum(1), "gradient of Mine.value is not finite"),
    ],
)
def test_a_divergence_that_cannot_be_learned_from_is_named(value, message):
    class Mine(Divergence):
        def value(self, log_probs, prior):
            return value(log_probs)

    rows = taught_rows(th.full((1, 2), 0.5).log(), th.tensor([[0.5, 0.5]]), th.ones(1))
    with pytest.raises(StudentError, match=message):
        teaching_gradient(rows, Mine())


def test_what_has_no_probability_is_never_drawn():
    class Lowest(np.random.Generator):
        def random(self, size):
            return np.zeros(size)

    rng = Lowest(np.random.PCG64(0))
    assert act_on(np.array([[0.0, 1.0]]), np.ones(1), False, rng).tolist() == [1]
