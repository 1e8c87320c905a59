"""λ(t): the shapes, and that it never rises."""

import json
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_llmteacher.errors import ScheduleError
from gym_llmteacher.learning.adaptive import Adaptive
from gym_llmteacher.learning.coef import coef_schedule, coef_spec, default_coef
from gym_llmteacher.learning.schedules import (
    Constant,
    Exponential,
    Linear,
    LLM4Teach,
    Progress,
)

size = st.floats(0, 100, allow_nan=False)
steps = st.integers(1, 10**7)


@st.composite
def schedules(draw):
    low, high = sorted([draw(size), draw(size)])
    first, second = sorted([draw(steps), draw(steps)])
    return draw(
        st.sampled_from(
            [
                Constant(high),
                Linear(high, low, steps=first),
                Exponential(high, half_life=first, cut_steps=second),
                Exponential(high, half_life=5.0, cut_steps=second, hold_steps=first),
                LLM4Teach(high, low, decay_steps=first, cut_steps=second),
            ]
        )
    )


@given(schedules(), st.lists(st.integers(0, 2 * 10**7), min_size=2))
def test_never_rises_and_never_negative(schedule, times):
    values = [schedule(t) for t in sorted(times)]
    # One part in 10^12: a straight line in floating point may wobble by that.
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(values))
    assert all(value >= 0 for value in values)


@given(schedules(), st.integers(0, 10**7))
def test_zero_from_is_exact(schedule, later):
    if schedule.zero_from != float("inf"):
        assert schedule(int(schedule.zero_from) + 1 + later) == 0.0


@given(schedules())
def test_written_as_plain_data_and_back(schedule):
    spec = coef_spec(schedule)
    assert isinstance(spec, (float, dict))
    assert coef_schedule(spec) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule


def test_the_papers_shape():
    coef = LLM4Teach(10.0, 0.1, decay_steps=1000, cut_steps=1500)
    assert [coef(t) for t in (0, 500, 1000, 1499, 1500, 10**9)] == [
        10.0, pytest.approx(5.05), 0.1, 0.1, 0.0, 0.0,
    ]  # fmt: skip


def test_the_default_ends_before_the_last_quarter():
    coef = default_coef(100_000)
    assert coef(0) == 3.0
    assert coef(40_000) == coef(69_999) == 0.1
    assert coef(70_000) == 0.0
    assert coef.zero_from == 70_000


def test_the_default_of_trainings_of_hardly_any_steps():
    assert [default_coef(n) for n in (0, 1, 3)] == [default_coef(1)] * 2 + [
        LLM4Teach(3.0, 0.1, decay_steps=0.4 * 3, cut_steps=0.7 * 3)
    ]


def test_the_first_steps_and_the_last():
    """Where one part of a schedule ends and the next begins, to the step."""
    linear = Linear(4.0, 1.0, steps=4)
    assert [linear(t) for t in (-1, 0, 1, 2, 3, 4, 5)] == [4.0, 4.0, 3.25, 2.5, 1.75, 1.0, 1.0]
    halving = Exponential(4.0, half_life=2, cut_steps=6)
    assert [halving(t) for t in (-1, 0, 2, 4, 5, 6)] == [
        4.0, 4.0, 2.0, 1.0, pytest.approx(2**-0.5), 0.0,
    ]  # fmt: skip
    assert halving(1) == pytest.approx(4 * 2**-0.5)
    holding = Exponential(4.0, half_life=2, cut_steps=6, hold_steps=3)
    assert [holding(t) for t in (0, 3, 5, 6)] == [4.0, 4.0, 2.0, 0.0]
    paper = LLM4Teach(4.0, 1.0, decay_steps=3, cut_steps=5)
    assert [paper(t) for t in (-1, 0, 1, 2, 3, 4, 5)] == [4.0, 4.0, 3.0, 2.0, 1.0, 1.0, 0.0]


def test_absolute_steps_do_not_climb_again():
    coef = Linear(1.0, 0.0, steps=100)
    assert [coef(t) for t in (50, 100, 150)] == [0.5, 0.0, 0.0]


def played(coef, rollouts, step=100):
    """Let a schedule observe rollouts of (kl, return); λ after each."""
    values = []
    for i, (kl, mean_return) in enumerate(rollouts, 1):
        coef.observe(Progress(i * step, kl, mean_return))
        values.append(coef(i * step))
    return values


NAN = float("nan")


def test_adaptive_waits_until_the_student_has_learned_to_imitate():
    coef = Adaptive(start=2.0, floor=0.5, plateau_steps=300, decay_steps=200, fade_steps=100)
    falling = [(10 * 0.8**i, NAN) for i in range(20)]
    assert set(played(coef, falling)) == {2.0}
    stuck = Adaptive(start=2.0, floor=0.5, plateau_steps=300, decay_steps=200, fade_steps=100,
                     teacher_return=0.9)  # fmt: skip
    values = played(stuck, [(1.0, 0.1)] * 10)
    assert values == [2.0, 2.0, 2.0, 2.0, 1.25, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert stuck.zero_from == float("inf")  # it has not caught up


def test_adaptive_ends_when_the_student_has_caught_up():
    coef = Adaptive(start=2.0, floor=0.5, plateau_steps=100, decay_steps=200, fade_steps=200,
                    teacher_return=0.9)  # fmt: skip
    values = played(coef, [(1.0, 0.1)] * 4 + [(1.0, 0.95)] * 3)
    assert values == [2.0, 2.0, 1.25, 0.5, 0.5, 0.25, 0.0]
    assert coef.zero_from == 700
    assert coef(10**9) == 0.0


def test_adaptive_without_a_target_and_at_latest():
    coef = Adaptive(start=2.0, floor=1.0, plateau_steps=100, decay_steps=100, fade_steps=100)
    assert played(coef, [(1.0, 0.0)] * 5) == [2.0, 2.0, 1.0, 0.0, 0.0]
    late = Adaptive(start=2.0, fade_steps=100, latest=200)
    assert played(late, [(0.5**i, 0.0) for i in range(4)]) == [2.0, 2.0, 0.0, 0.0]


def test_adaptive_has_caught_up_when_it_is_as_good():
    coef = Adaptive(start=2.0, floor=0.5, plateau_steps=100, decay_steps=100, fade_steps=100,
                    teacher_return=0.5)  # fmt: skip
    assert played(coef, [(1.0, 0.0)] * 3 + [(1.0, 0.5)] * 2) == [2.0, 2.0, 0.5, 0.5, 0.0]


def test_adaptive_smooths_the_kl():
    """By a fifth of the new one; 3 % less than the best is progress."""
    coef = Adaptive(plateau_steps=10_000)
    played(coef, [(1.0, NAN), (0.5, NAN), (0.5, NAN)])
    kl = 0.2 * 0.5 + 0.8 * (0.2 * 0.5 + 0.8 * 1.0)
    assert coef.state == pytest.approx({"kl": kl, "best_kl": kl, "best_at": 300.0})
    coef.observe(Progress(400, kl * 0.9, NAN))  # 2 % less when it is smoothed
    assert coef.state["best_at"] == 300.0
    coef.restart()
    assert (coef.state, coef(500)) == ({}, 3.0)


def test_adaptive_does_not_rise_while_it_fades():
    coef = Adaptive(start=2.0, fade_steps=100, latest=200)
    played(coef, [(1.0, 0.0)] * 2)
    assert [coef(t) for t in (100, 200, 250, 300)] == [2.0, 2.0, 1.0, 0.0]


def test_adaptive_without_anything_taught_waits():
    assert set(played(Adaptive(plateau_steps=1), [(NAN, 1.0)] * 5)) == {3.0}


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(-1, 1)), min_size=2, max_size=60))
def test_adaptive_never_rises_and_survives_being_written_down(rollouts):
    coef = Adaptive(plateau_steps=300, decay_steps=500, fade_steps=400, teacher_return=0.5)
    values = played(coef, rollouts)
    assert all(b <= a for a, b in pairwise(values))
    half = len(rollouts) // 2
    first = Adaptive(plateau_steps=300, decay_steps=500, fade_steps=400, teacher_return=0.5)
    played(first, rollouts[:half])
    again = coef_schedule(json.loads(json.dumps(coef_spec(first))))
    for i, (kl, mean_return) in enumerate(rollouts[half:], half + 1):
        again.observe(Progress(i * 100, kl, mean_return))
        assert again(i * 100) == values[i - 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(-1), r"teacher_coef is -1, expected a number >= 0.*teach the opposite"),
        (lambda: Constant(float("nan")), "teacher_coef is nan, expected a finite number"),
        (lambda: Linear(0.1, 1.0), r"rises from start=0.1 to end=1; λ must not rise. Swap"),
        (lambda: LLM4Teach(0.1, 3.0), r"rises from start=0.1 to floor=3"),
        (
            lambda: LLM4Teach(decay_steps=10, cut_steps=5),
            r"cut_steps=5 comes before decay_steps=10",
        ),
        (lambda: Linear(1.0, steps=0), "steps is 0, expected a number >= 1"),
        (lambda: Exponential(1.0, half_life=-5), "half_life is -5, expected a number >= 1"),
        (
            lambda: Exponential(1.0, 5, cut_steps=10, hold_steps=20),
            "cut_steps=10 comes before hold_steps=20",
        ),
        (lambda: coef_schedule({"shape": "cosine"}), "shape 'cosine', expected one of constant"),
        (lambda: coef_schedule({"start": 1}), "has shape None, expected one of"),
        (
            lambda: coef_schedule({"shape": "linear", "begin": 1}),
            "has no argument begin; it takes start, end, steps",
        ),
        (lambda: coef_schedule({"shape": "linear"}), "missing 1 required"),
        (lambda: Adaptive(0.1, 3.0), "rises from start=0.1 to floor=3"),
        (lambda: Adaptive(teacher_return=NAN), "teacher_return is nan, expected a finite number"),
        (lambda: coef_schedule(True), "teacher_coef is True"),
        (lambda: coef_schedule(lambda p: p), "climb again when training is resumed"),
        (lambda: coef_schedule("3"), "teacher_coef is '3'"),
    ],
)
def test_bad_schedules(make, message):
    with pytest.raises(ScheduleError, match=message):
        make()


NUMBERS = {  # by shape: its arguments, and the least that each may be
    Linear: {"start": 0, "end": 0, "steps": 1},
    Exponential: {"start": 0, "half_life": 1, "cut_steps": 0},
    LLM4Teach: {"start": 0, "floor": 0, "decay_steps": 1, "cut_steps": 0},
    Adaptive: {"start": 0, "floor": 0, "plateau_steps": 1, "decay_steps": 1, "fade_steps": 1,
               "latest": 0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "name", "least"),
    [(shape, name, least) for shape, names in NUMBERS.items() for name, least in names.items()],
)
@pytest.mark.parametrize("bad", [-1, NAN, True, "3", None])
def test_every_number_is_checked_and_named(shape, name, least, bad):
    given = dict.fromkeys(NUMBERS[shape], 5)
    with pytest.raises(ScheduleError, match=rf"^{name} is {bad!r}, expected .*number >= {least}"):
        shape(**{**given, name: bad})
    if least:
        with pytest.raises(ScheduleError, match=rf"^{name} is 0.5, expected a number >= 1"):
            shape(**{**given, name: 0.5})


def test_the_least_numbers_will_do():
    for shape, least in NUMBERS.items():
        assert shape(**{**least, **({"cut_steps": 1} if shape is LLM4Teach else {})})(9) == 0.0
    assert Exponential(1.0, 2).zero_from == Adaptive().zero_from == float("inf")
