"""Answers that come late: what is said meanwhile, how long they are waited for, how they count."""

import threading

import numpy as np
import pytest

from gym_llmteacher import Advice, NewText, Situation, Teacher
from gym_llmteacher.advising.adviser import Adviser
from gym_llmteacher.prior import Pending

A = Advice(((("a",), 1.0),))


def situation(text="here"):
    return Situation(text, ("a", "b"), np.eye(2, dtype=np.float32))


class Gated(Teacher):
    """Says ``a`` when its gate lets an answer through."""

    def __init__(self):
        self.gate, self.asked = threading.Semaphore(0), []

    def advise(self, situations):
        self.asked += situations
        assert self.gate.acquire(timeout=20)
        return [A] * len(situations)


@pytest.fixture
def late():
    """An adviser of two envs whose answers come when the gate is opened, one by one."""
    advisers = []

    def make(sizes=(2,), **kwargs):
        given = {"workers": 4, "smoothing": 0.0, **kwargs}
        advisers.append(Adviser(Gated(), sizes, 2, **given))
        return advisers[-1]

    yield make
    for adviser in advisers:
        adviser.teacher.gate.release(100)
        adviser.close()


@pytest.mark.parametrize("ask", [None, NewText()])
def test_late_answers_are_counted_and_come_once(late, ask):
    adviser = late(ask=ask)
    assert adviser.metrics().items() >= {"late": 0.0, "came_late": 0.0}.items()
    pending = {}
    for step, text in enumerate(("x", "y", "x")):
        taught = adviser.advise((situation(text),), None, env=step % 2)
        assert (taught.prior.tolist(), taught.weight) == ([0.5, 0.5], 0.0)
        pending[step] = taught.pending
        assert taught.pending == Pending((situation(text),), (None,))
    assert adviser.metrics().items() >= {"late": 3.0, "came_late": 0.0}.items()
    assert list(adviser.late(pending, timeout=0.0)) == []
    assert adviser.metrics()["came_late"] == 0.0
    adviser.teacher.gate.release(2)
    arrived = {key: (prior.tolist(), weight) for key, prior, weight in adviser.late(pending, 20.0)}
    assert arrived == dict.fromkeys(range(3), ([1.0, 0.0], 1.0))
    assert adviser.metrics().items() >= {"late": 3.0, "came_late": 3.0}.items()
    assert len(adviser.teacher.asked) == 2  # each text once
    assert adviser.said[0].advices == (A,)
    taught = adviser.advise((situation("x"),), None)
    assert (taught.weight, taught.pending) == (1.0, None)
    assert adviser.metrics()["late"] == 3.0


def test_what_has_arrived_in_part_is_taught_in_part(late):
    adviser = late((2, 2), late_timeout=0.0)
    asked = (situation("x"), situation("y"))
    pending = {"step": Pending(asked, (A, None))}
    assert list(adviser.late(pending)) == []
    adviser.teacher.gate.release()
    ((key, prior, weight),) = adviser.late(pending, 20.0)
    assert (key, prior.tolist(), weight.tolist()) == ("step", [1.0, 0.0, 1.0, 0.0], [1.0, 1.0])
    pending = {0: Pending((situation("v"), situation("w")), (None, None))}
    adviser.teacher.gate.release()  # for one of two
    adviser.background.wait([situation("v")], 20.0)
    ((_, prior, weight),) = adviser.late(pending, 0.0)
    assert (prior.tolist(), weight.tolist()) == ([1.0, 0.0, 0.5, 0.5], [1.0, 0.0])
    assert adviser.metrics()["came_late"] == 1.0


@pytest.mark.parametrize("seconds", [{"late_timeout": 0.01}, {"late_timeout": 1e6}])
def test_late_waits_for_as_long_as_was_said(late, seconds):
    """By the call; where it says nothing, by the constructor."""
    adviser = late(**seconds)
    pending = {0: adviser.advise((situation(),), None).pending}
    timeout = None if seconds["late_timeout"] < 1 else 0.01
    found = []
    waiting = threading.Thread(target=lambda: found.append(list(adviser.late(pending, timeout))))
    waiting.daemon = True
    waiting.start()
    waiting.join(20.0)
    assert found == [[]]


def test_late_with_no_limit_of_the_call_waits_as_the_constructor_says(late):
    adviser = late(late_timeout=20.0)
    pending = {0: adviser.advise((situation(),), None).pending}
    timer = threading.Timer(0.05, adviser.teacher.gate.release)
    timer.start()
    ((_, _, weight),) = adviser.late(pending)
    assert weight == 1.0


def test_as_many_questions_at_once_as_workers(late):
    assert late(workers=3).background.workers == 3


def test_an_open_question_is_not_one_that_a_condition_is_against(late):
    """It is not asked again, nothing is saved, and the old advice does not stand for it."""
    adviser = late(ask=NewText())
    for _ in range(3):
        assert adviser.advise((situation("x"),), None).pending is not None
    assert adviser.metrics()["saved_new_text"] == 0.0
    adviser.teacher.gate.release()
    adviser.background.wait([situation("x")], 20.0)
    assert adviser.advise((situation("x"),), None).weight == 1.0
    # Known by now, with or without a condition for it.
    assert adviser.advise((situation("x"),), None).pending is None
    assert adviser.metrics()["saved_new_text"] == 0.0


def test_a_late_answer_is_what_is_said_where_it_was_asked_for_and_nowhere_else(late):
    adviser = late()
    pending = {env: adviser.advise((situation(text),), None, env).pending
               for env, text in enumerate("xy")}  # fmt: skip
    adviser.teacher.gate.release(2)
    assert len(list(adviser.late({0: pending[0]}, 20.0))) == 1
    assert [said.advices for said in adviser.said] == [(A,), (None,)]
