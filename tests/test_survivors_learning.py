"""Bounds, defaults and names in `learning`: each of these fails for a fault no other test saw."""

import numpy as np
import pytest
import torch as th

from gym_llmteacher.errors import PriorError, ScheduleError, StudentError
from gym_llmteacher.learning.adaptive import Adaptive
from gym_llmteacher.learning.coef import coef_schedule, default_coef
from gym_llmteacher.learning.divergences import Divergence
from gym_llmteacher.learning.gates import Advantage, Confidence, Gate, GateInputs, Proximal
from gym_llmteacher.learning.gating import gated_weight
from gym_llmteacher.learning.losses import figures, taught_rows, teaching_gradient
from gym_llmteacher.learning.memory import AdviceMemory
from gym_llmteacher.learning.named import from_spec, register
from gym_llmteacher.learning.priors import act_on, read_priors
from gym_llmteacher.learning.schedules import Exponential, Linear, LLM4Teach, Progress


@pytest.mark.parametrize(
    ("shape", "name", "low"),
    [
        (Linear, "start", 0),
        (Linear, "end", 0),
        (Linear, "steps", 1),
        (Exponential, "start", 0),
        (Exponential, "half_life", 1),
        (Exponential, "cut_steps", 0),
        (LLM4Teach, "start", 0),
        (LLM4Teach, "floor", 0),
        (LLM4Teach, "decay_steps", 1),
        (LLM4Teach, "cut_steps", 0),
        (Adaptive, "start", 0),
        (Adaptive, "floor", 0),
        (Adaptive, "plateau_steps", 1),
        (Adaptive, "decay_steps", 1),
        (Adaptive, "fade_steps", 1),
        (Adaptive, "latest", 0),
    ],
)
def test_each_number_of_a_schedule_has_its_lowest_value(shape, name, low):
    arguments = {"start": 3.0, "half_life": 10} if shape is Exponential else {"start": 3.0}
    with pytest.raises(ScheduleError, match=rf"^{name} is {low - 0.5:g}, expected .* >= {low}: "):
        shape(**{**arguments, name: low - 0.5})
    with pytest.raises(ScheduleError, match=rf"^{name} is True, expected a finite number"):
        shape(**{**arguments, name: True})
    with pytest.raises(ScheduleError, match=rf"^{name} is nan, expected a finite number"):
        shape(**{**arguments, name: float("nan")})


def test_schedules_begin_at_their_start_and_end_at_their_end():
    assert [Linear(0.3, 0.1, steps=100)(t) for t in (0, 100)] == [0.3, 0.1]
    assert [Exponential(4.0, half_life=100)(t) for t in (0, 200)] == [4.0, 1.0]  # never cut
    assert [Exponential(4.0, 100, cut_steps=200)(t) for t in (100, 200)] == [2.0, 0.0]


@pytest.mark.parametrize(("total", "decay", "cut"), [(0, 1, 1), (1, 1, 1), (2, 1, 1.4), (10, 4, 7)])
def test_the_default_schedule_of_the_shortest_trainings(total, decay, cut):
    assert default_coef(total) == LLM4Teach(3.0, 0.1, decay_steps=decay, cut_steps=cut)


def observe(coef, *rollouts):
    for i, (kl, mean_return) in enumerate(rollouts, 1):
        coef.observe(Progress(100 * i, kl, mean_return))


def test_adaptive_smooths_the_kl():
    """One lucky rollout is no best value that all later ones are held against."""
    coef = Adaptive(start=2.0, plateau_steps=300)
    observe(coef, (1.0, 0.0), (0.1, 0.0), (1.0, 0.0), (0.6, 0.0), (0.6, 0.0))
    assert coef(10_000) == 2.0
    observe(coef := Adaptive(start=2.0, plateau_steps=300), *[(1.0, 0.0)] * 5)
    assert coef(10_000) < 2.0


def test_adaptive_has_caught_up_when_it_is_as_good_as_the_teacher():
    coef = Adaptive(plateau_steps=100, decay_steps=100, fade_steps=100, teacher_return=0.5)
    observe(coef, (1.0, 0.25), (1.0, 0.25), (1.0, 0.5))
    assert coef.zero_from == 400
    assert coef(300) == coef(250) == coef(0)  # what is past does not get above where it fades from


def test_adaptive_restarts_with_imitation():
    coef = Adaptive(start=2.0, plateau_steps=100, latest=200)
    observe(coef, *[(1.0, 0.0)] * 3)
    assert coef(300) < 2.0
    coef.restart()
    assert coef(300) == 2.0
    observe(coef, (1.0, 0.0), (1.0, 0.0))
    assert coef.zero_from == 200 + coef.fade_steps


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


def remembered(memory, rng=None):
    return set(memory.sample(200, rng)["row"].tolist())


@pytest.mark.parametrize("seed", [None, 0])
def test_a_memory_forgets_the_oldest(seed):
    rng = None if seed is None else np.random.default_rng(seed)
    memory = AdviceMemory(4)
    assert len(memory) == 0
    for rows, total, known in (
        ([1, 2], 2, {1, 2}),
        ([3], 3, {1, 2, 3}),
        ([4, 5, 6], 4, {3, 4, 5, 6}),
        ([7, 8, 9, 10, 11, 12], 4, {9, 10, 11, 12}),
    ):
        memory.add({"row": np.array(rows, dtype=np.uint8)})
        assert (len(memory), remembered(memory, rng)) == (total, known)
    assert memory.sample(3, rng)["row"].dtype == np.uint8
    assert memory.sample(3, rng)["row"].shape == (3,)


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


def test_an_env_without_a_prior_does_not_silence_the_next():
    rows = read_priors([{}, {"teacher_prior": [0.25, 0.75]}], (2,), required=False)
    assert rows.weight.tolist() == [0.0, 1.0]
    assert rows.prior.tolist() == [[0.5, 0.5], [0.25, 0.75]]
    taught = read_priors([{"teacher_prior": [0.25, 0.75]}], (2,))
    assert (taught.prior.dtype, taught.weight.dtype) == (np.float32, np.float32)


def test_the_env_whose_prior_is_bad_is_named():
    good = {"teacher_prior": [0.25, 0.75]}
    with pytest.raises(PriorError, match=r"^env 1 gave teacher_prior=\[-1.0, 2.0\]"):
        read_priors([good, {"teacher_prior": [-1.0, 2.0]}], (2,))
    with pytest.raises(PriorError, match=r"^teacher_prior of env 1 has shape \(3,\), expected \(2"):
        read_priors([good, {"teacher_prior": [0.0, 0.0, 1.0]}], (2,))
    # What is not taught may be anything.
    rows = read_priors([good, {"teacher_prior": [-1.0, 2.0], "teacher_weight": 0.0}], (2,))
    assert rows.prior.tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_each_row_acts_by_its_own_prior():
    rng = np.random.default_rng(0)
    priors = np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    assert act_on(priors, np.ones(3), True, rng).tolist() == [2, 0, 1]
    drawn = act_on(np.repeat(priors, 4000, axis=0), np.ones(12_000), False, rng)
    for row, prior in zip(drawn.reshape(3, 4000), priors, strict=True):
        assert np.bincount(row, minlength=3) / 4000 == pytest.approx(prior, abs=0.03)
    # Rounding may leave less than 1 in all: the last action takes no more than its share of that.
    drawn = act_on(np.full((4000, 2), 0.25), np.ones(4000), False, rng)
    assert np.bincount(drawn) / 4000 == pytest.approx(0.5, abs=0.03)


def test_what_has_no_probability_is_never_drawn():
    class Lowest(np.random.Generator):
        def random(self, size):
            return np.zeros(size)

    rng = Lowest(np.random.PCG64(0))
    assert act_on(np.array([[0.0, 1.0]]), np.ones(1), False, rng).tolist() == [1]
