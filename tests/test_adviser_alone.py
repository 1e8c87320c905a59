"""The adviser by itself: its defaults, what it counts as late, and how long it waits."""

import threading

import numpy as np
import pytest

from gym_llmteacher import Advice, ScriptedTeacher, Teacher
from gym_llmteacher.advising.adviser import Adviser
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.prior import Pending
from tests.test_conditions import SAYS_A, SAYS_B, SCRIPT, Noting, at


class Slow(Teacher):
    """Answers when it is let go; knows nothing by heart."""

    reads_observations = True

    def __init__(self):
        self.go, self.asked, self.closed = threading.Event(), [], 0

    def advise(self, situations):
        self.asked += situations
        self.go.wait(20)
        return [SAYS_A for _ in situations]

    def close(self):
        self.closed += 1


# Asking at once.


def test_what_an_adviser_does_by_default():
    adviser = Adviser(Slow(), (2,))
    adviser.teacher.go.set()
    assert (adviser.background, adviser.late_timeout) == (None, 5.0)
    assert adviser.said == [Pending((), ())]
    taught = adviser.advise((at("x"),), obs=None)
    assert taught.prior.tolist() == pytest.approx([0.99, 0.01])
    assert adviser.metrics() == adviser.teacher.metrics()  # no counts of what cannot be late
    adviser.close()
    assert adviser.teacher.closed == 0  # others may ask it still
    Adviser(adviser.teacher, (2,), owns_teacher=True).close()
    assert adviser.teacher.closed == 1


@pytest.mark.parametrize("given", [{"workers": -1}, {"late_timeout": -0.5}])
def test_neither_workers_nor_seconds_are_negative(given):
    (name, value), = given.items()  # fmt: skip
    with pytest.raises(TeacherSpecError, match=rf"{name} is {value}.*expected no negative numbers"):
        Adviser(SCRIPT, (2,), **given)
    assert Adviser(SCRIPT, (2,), late_timeout=0.0).late_timeout == 0.0


def test_silence_has_no_weight_in_any_dimension():
    one, two = Adviser(SCRIPT, (2,)), Adviser(SCRIPT, (2, 4), n_envs=2)
    taught = one.silent()
    assert (taught.weight, type(taught.weight)) == (0.0, float)
    two.advise((at("x"), at("y", actions=np.eye(2, 4))), obs=None, env=1)
    taught = two.silent(1)
    assert (taught.weight.tolist(), taught.weight.dtype) == ([0.0, 0.0], np.float32)
    assert taught.prior.tolist() == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
    assert two.said == [Pending((), ())] * 2


def test_weights_of_several_dimensions():
    half = Advice(((("a",), 1.0),), confidence=0.5)
    adviser = Adviser(ScriptedTeacher(lambda here: {"x": SAYS_A, "y": half}[here.text]), (2, 2))
    weight = adviser.advise((at("x"), at("y")), obs=None).weight
    assert (weight.tolist(), weight.dtype) == ([1.0, 0.5], np.float32)


@pytest.mark.parametrize("ask", [None, Noting()])
def test_there_is_a_situation_for_every_dimension(ask):
    with pytest.raises(ValueError, match="zip"):
        Adviser(SCRIPT, (2, 2), ask=ask).advise((at("x"),), obs=None)


def test_a_situation_keeps_the_observation_it_brings():
    teacher = Slow()
    teacher.go.set()
    Adviser(teacher, (2, 2)).advise((at("x", obs=1), at("y")), obs=2)
    assert [here.obs for here in teacher.asked] == [1, 2]


def test_a_condition_knows_the_env_and_another_teacher_is_asked():
    ask = Noting()
    adviser = Adviser(SCRIPT, (2,), n_envs=2, ask=ask, smoothing=0.0)
    for env in (0, 1):
        adviser.advise((at("x"),), obs=None, env=env)
        adviser.hear(1.0, False, env)
    assert [seen.env for seen in ask.moments] == [outcome.env for outcome in ask.outcomes] == [0, 1]
    other = ScriptedTeacher(lambda here: ("b",))
    adviser.use(other)
    assert adviser.advise((at("y"),), obs=None, env=1).prior.tolist() == [0.0, 1.0]
    assert ask.moments[-1].teacher is other


# Asking in the background.


def answered(adviser, pending, timeout=20.0):
    return {key: (p.tolist(), w) for key, p, w in adviser.late(pending, timeout)}


def test_late_answers_are_counted():
    teacher = Slow()
    adviser = Adviser(teacher, (2,), workers=2, smoothing=0.0)
    assert adviser.metrics() == {**teacher.metrics(), "late": 0.0, "came_late": 0.0}
    taught = [adviser.advise((at(text),), obs=None) for text in ("x", "y")]
    assert [t.weight for t in taught] == [0.0, 0.0]
    assert answered(adviser, {i: t.pending for i, t in enumerate(taught)}, 0.0) == {}
    assert adviser.metrics() == {**teacher.metrics(), "late": 2.0, "came_late": 0.0}
    teacher.go.set()
    found = answered(adviser, {i: t.pending for i, t in enumerate(taught)})
    assert found == {0: ([1.0, 0.0], 1.0), 1: ([1.0, 0.0], 1.0)}
    assert adviser.metrics() == {**teacher.metrics(), "late": 2.0, "came_late": 2.0}
    adviser.close()


def test_an_answer_in_part_did_not_come_in_time():
    here, there = at("x"), at("y")
    adviser = Adviser(Slow(), (2, 2), workers=1, smoothing=0.0)
    adviser.background.close()
    adviser.background = Knowing(SCRIPT, {here.key: SAYS_B})
    ((prior, weight),) = answered(adviser, {0: Pending((here, there), (None, None))}).values()
    assert (prior, weight.tolist()) == ([0.0, 1.0, 0.5, 0.5], [1.0, 0.0])
    assert adviser.metrics()["came_late"] == 0.0


class Knowing(BackgroundAdvisor):
    """Has what it is given, and nothing else comes; notes how long it was to wait."""

    def __init__(self, teacher, known=()):
        super().__init__(teacher, 1)
        self.known, self.seconds = dict(known), []

    def advice(self, situation):
        return self.known.get(situation.key)

    def wait(self, situations, seconds):
        self.seconds.append(seconds)


def test_how_long_late_answers_are_waited_for():
    adviser = Adviser(SCRIPT, (2,), workers=3, late_timeout=7.0)
    assert adviser.background.workers == 3
    adviser.background.close()
    adviser.background = Knowing(SCRIPT)
    for timeout in (None, 0.0, 2.5):
        assert answered(adviser, {0: Pending((at("x"),), (None,))}, timeout) == {}
    assert adviser.background.seconds == [7.0, 0.0, 2.5]


def test_a_condition_does_not_decide_on_what_is_asked_or_known():
    teacher, ask = Slow(), Noting()
    adviser = Adviser(teacher, (2,), ask=ask, workers=1, smoothing=0.0)
    first, second = (adviser.advise((at("x"),), obs=None) for _ in range(2))
    assert len(ask.moments) == 1  # the question is open
    assert [t.pending.advices for t in (first, second)] == [(None,), (None,)]
    teacher.go.set()
    assert answered(adviser, {0: first.pending}) == {0: ([1.0, 0.0], 1.0)}
    third = adviser.advise((at("x"),), obs=None)
    assert (third.prior.tolist(), third.weight, third.pending) == ([1.0, 0.0], 1.0, None)
    assert len(ask.moments) == len(teacher.asked) == 1
    ask.asks = False
    silent = adviser.advise((at("y"),), obs=None)
    assert (silent.weight, silent.pending, len(teacher.asked)) == (1.0, None, 1)  # x's stands
    adviser.close()
