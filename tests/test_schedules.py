"""λ(t): the shapes, and that it never rises."""

import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_llmteacher.errors import ScheduleError
from gym_llmteacher.sb3.mixin import default_coef
from gym_llmteacher.sb3.schedules import (
    Constant,
    Exponential,
    Linear,
    LLM4Teach,
    coef_schedule,
    coef_spec,
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


def test_absolute_steps_do_not_climb_again():
    coef = Linear(1.0, 0.0, steps=100)
    assert [coef(t) for t in (50, 100, 150)] == [0.5, 0.0, 0.0]


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
        (lambda: coef_schedule({"shape": "cosine"}), "shape 'cosine', expected one of constant"),
        (lambda: coef_schedule({"start": 1}), "has shape None, expected one of"),
        (
            lambda: coef_schedule({"shape": "linear", "begin": 1}),
            "has no argument begin; it takes start, end, steps",
        ),
        (lambda: coef_schedule({"shape": "linear"}), "missing 1 required"),
        (lambda: coef_schedule(True), "teacher_coef is True"),
        (lambda: coef_schedule(lambda p: p), "climb again when training is resumed"),
        (lambda: coef_schedule("3"), "teacher_coef is '3'"),
    ],
)
def test_bad_schedules(make, message):
    with pytest.raises(ScheduleError, match=message):
        make()
