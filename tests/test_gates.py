"""Gates: each factor by hand, and that students hand them what they did."""

import math

import pytest
import torch as th

from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.gates import GATES, Gate, Proximal
from tests.gated import WEIGHT, gated
from tests.students import ALL, ON_POLICY, WatchedGate, handed_out, make, parameters


def test_no_gate_no_change():
    assert gated(()) is WEIGHT


def test_confidence():
    entropy = -(0.8 * math.log(0.8) + 0.2 * math.log(0.1))
    sure = 1 - entropy / math.log(3)
    assert gated("confidence").tolist() == pytest.approx([sure, sure / 2, 0.0], abs=1e-6)


def test_of_one_action_there_is_no_doubt():
    one = th.ones(3, 1)
    assert gated("confidence", prior=one, log_probs=one.log()).tolist() == WEIGHT.tolist()


def test_advantage():
    # Row 0 did what the teacher says; row 1 did not, and did better; row 2 did worse.
    assert gated("advantage", (1.0, 1.0, -1.0)).tolist() == [1.0, 0.0, 1.0]
    assert gated("advantage", (-1.0, -1.0, 1.0)).tolist() == [1.0, 0.5, 1.0]
    # As good as expected is not better.
    assert gated("advantage", (0.0, 0.0, 0.0)).tolist() == [1.0, 0.5, 1.0]


def test_proximal():
    assert gated("proximal", now=(0.8, 0.2, 0.45), then=(0.4, 0.4, 0.5)).tolist() == pytest.approx(
        [2.0, 0.5 * 0.8, 0.9]
    )
    assert gated(Proximal(clip=0.6), now=(0.2,) * 3, then=(0.4, 1.0, 0.2)).tolist() == (
        pytest.approx([0.5, 0.5 * 0.4, 1.0])
    )
    for clip in (-0.1, 1.5, True, float("nan")):
        with pytest.raises(StudentError, match=r"clip is .*, expected a number in \[0, 1\]"):
            Proximal(clip)


def test_gates_multiply():
    both = gated(["confidence", "advantage"], (1.0, 1.0, 1.0))
    assert both.tolist() == pytest.approx([gated("confidence")[0].item(), 0.0, 0.0], abs=1e-6)
    assert gated(["proximal"] * 2, now=(2.0,) * 3)[0].item() == pytest.approx(2.0)  # counts once


def test_a_factor_is_a_number_and_no_path_for_gradients():
    log_prob = th.zeros(3, requires_grad=True)
    assert not gated("proximal", log_prob=log_prob).requires_grad


class Answers(Gate):
    def __init__(self, answer):
        self.answer = answer

    def __call__(self, rows):
        return self.answer


class Everywhere(Answers):
    def __call__(self, rows):
        return self.answer.expand_as(rows.weight)


def test_untaught_rows_may_hold_anything():
    weight = th.tensor([1.0, 0.0, 0.0])
    factor = th.tensor([0.5, float("nan"), float("inf")])
    assert gated(Answers(factor), weight=weight).tolist() == [0.5, 0.0, 0.0]
    assert gated(Answers(th.tensor([True, False, True]))).tolist() == [1.0, 0.0, 1.0]
    double = gated(Answers(th.ones(3, dtype=th.float64)))
    assert double.dtype == th.float32


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (th.ones(3, 1), r"returned \(3, 1\), expected a tensor \(3,\): one factor per row"),
        (0.5, "returned 0.5, expected a tensor"),
        (th.tensor([1.0, -1.0, 1.0]), "gave a weight of -0.5, expected 0 or more"),
        (th.tensor([float("nan"), 1.0, 1.0]), "gave a weight of nan"),
    ],
)
def test_what_is_no_factor_raises(answer, message):
    with pytest.raises(StudentError, match=message):
        gated(Answers(answer))


@pytest.mark.parametrize("name", ON_POLICY)
def test_students_hand_gates_what_they_did(name):
    """Each number is the one that the algorithm itself has for this row."""
    ratios = []

    def look(rows):
        samples = handed_out(model).samples
        chosen = rows.log_probs.gather(1, rows.actions.unsqueeze(1)).squeeze(1)
        taught = rows.weight > 0
        th.testing.assert_close(rows.log_prob[taught], chosen[taught])
        assert rows.actions.dtype == th.int64
        assert th.equal(rows.actions, samples.actions.flatten().long())
        assert th.equal(rows.old_log_prob, samples.old_log_prob)
        assert th.equal(rows.advantages, samples.advantages)
        assert th.equal(rows.weight, handed_out(model).weight)
        assert th.equal(rows.prior, handed_out(model).prior)
        assert not any(value.requires_grad for value in vars(rows).values())
        ratios.append((rows.log_prob - rows.old_log_prob)[taught])

    model = make(name, teacher_coef=1.0, teacher_gates=WatchedGate(look), learning_rate=0.01)
    model.learn(96 * 3)
    assert ratios[0].abs().max() < 1e-4  # nothing was learned yet
    if name != "A2C":  # which looks at each row once
        assert ratios[1].abs().max() > 0.01


@pytest.mark.parametrize("name", ON_POLICY)
def test_an_open_gate_changes_nothing_and_a_closed_one_leaves_the_parent(name):
    def trained(cls=None, **kwargs):
        return parameters(make(name, cls, **kwargs).learn(192))

    open_gate, closed = Everywhere(th.ones(1)), Everywhere(th.zeros(1))
    assert th.equal(trained(teacher_coef=1.0), trained(teacher_coef=1.0, teacher_gates=open_gate))
    shut = trained(teacher_coef=1.0, teacher_gates=["confidence", closed])
    assert th.equal(trained(ALL[name][1]), shut)


@pytest.mark.filterwarnings("ignore:teacher_gates has one that compares")
@pytest.mark.parametrize("gates", [*GATES, tuple(GATES)])
def test_training_with_gates(gates, tmp_path):
    model = make("PPO", teacher_coef=1.0, teacher_gates=gates).learn(192)
    assert not th.equal(parameters(model), parameters(make("PPO", teacher_coef=1.0).learn(192)))
    model.save(tmp_path / "student")
    loaded = ALL["PPO"][0].load(tmp_path / "student")
    assert loaded.teacher_gates == ((gates,) if isinstance(gates, str) else gates)


def test_unknown_gates_raise_at_construction():
    for gates, message in [
        ("luck", r"has 'luck', expected one of confidence, advantage, proximal, teacher_better, "
                 r"or an object of a subclass of Gate; register_gate\(\"luck\", \.\.\.\)"),
        ([Proximal], r"write Proximal\(\), with brackets"),
        ([lambda rows: rows.weight], "or an object of a subclass of Gate"),
        (None, "has None, expected one of"),
        (3, "has 3, expected one of"),
    ]:  # fmt: skip
        with pytest.raises(StudentError, match=message):
            make("PPO", teacher_gates=gates)
