"""A teacher asked in the background: what is known when, and what is asked how often."""

import pickle
import threading

import numpy as np
import pytest

from gym_llmteacher import Abstention, Advice, Situation, Teacher
from gym_llmteacher.advising.background import BackgroundAdvisor

ROWS = np.eye(2, dtype=np.float32)
HERE, THERE = (Situation(text, ("a", "b"), ROWS) for text in ("here", "there"))
A = Advice(((("a",), 1.0),))
FOR_NOW = Advice(((("b",), 1.0),), provisional=True)
SILENT = Advice.abstain("the server is down", Abstention.SERVER_DOWN)


class Gated(Teacher):
    """Says what is next for it, once it may; knows by heart what is in ``known``."""

    def __init__(self, *says, known=None):
        self.says, self.known = list(says), known or {}
        self.asked, self.open, self.most_open = [], 0, 0
        self.lock, self.gate = threading.Lock(), threading.Semaphore(0)
        self.begun = threading.Semaphore(0)

    def advise(self, situations):
        with self.lock:
            self.asked += [situation.text for situation in situations]
            self.open += 1
            self.most_open = max(self.open, self.most_open)
            advice = self.says.pop(0) if self.says else A
        self.begun.release()
        assert self.gate.acquire(timeout=20)
        with self.lock:
            self.open -= 1
        return [advice] * len(situations)

    def cached(self, situation):
        return self.known.get(situation.text)


@pytest.fixture
def begin():
    """Makes advisers, and opens their gates at the end."""
    made = []

    def make(teacher, **kwargs):
        made.append(BackgroundAdvisor(teacher, **kwargs))
        return made[-1]

    yield make
    for advisor in made:
        advisor.teacher.gate.release(100)
        advisor.close()


def answered(advisor, situation):
    """Let one answer through, and wait for it."""
    advisor.teacher.gate.release()
    advisor.wait([situation], 20.0)


def test_a_question_is_open_until_it_is_answered(begin):
    teacher = Gated()
    advisor = begin(teacher)
    assert not advisor.is_asked(HERE)
    assert advisor.advice(HERE) is None
    assert (advisor.is_asked(HERE), advisor.is_asked(THERE)) == (True, False)
    assert (advisor.open_questions, advisor.lookup(HERE)) == (1, None)
    answered(advisor, HERE)
    assert (advisor.is_asked(HERE), advisor.open_questions) == (False, 0)
    assert advisor.advice(HERE) == advisor.lookup(HERE) == A
    assert teacher.asked == ["here"]


def test_what_stands_for_now_stands_until_the_answer_is_there(begin):
    teacher = Gated(FOR_NOW, A)
    advisor = begin(teacher)
    answered(advisor, HERE)
    assert advisor.advice(HERE) == FOR_NOW
    assert advisor.advice(HERE) == FOR_NOW  # and it is asked again
    assert advisor.is_asked(HERE)
    assert advisor.advice(THERE) is None  # of another situation, nothing stands
    teacher.gate.release(2)
    advisor.wait([HERE, THERE], 20.0)
    assert [advisor.advice(HERE), advisor.advice(HERE)] == [A, A]
    assert sorted(teacher.asked) == ["here", "here", "there"]


def test_what_could_not_be_had_is_asked_again_and_nothing_stands_for_it(begin):
    advisor = begin(Gated(FOR_NOW, SILENT, A))
    answered(advisor, HERE)
    assert advisor.advice(HERE) == FOR_NOW
    answered(advisor, HERE)
    assert advisor.advice(HERE) == SILENT
    assert advisor.advice(HERE) is None  # the server said nothing: the old advice has gone, too
    answered(advisor, HERE)
    assert advisor.advice(HERE) == A
    assert advisor.teacher.asked == ["here"] * 3


def test_what_abstains_for_now_does_not_stand(begin):
    silent = Advice((), 0.0, "abstained: busy", Abstention.SERVER_DOWN, provisional=True)
    advisor = begin(Gated(silent))
    answered(advisor, HERE)
    assert advisor.advice(HERE) == silent
    assert advisor.advice(HERE) is None


def test_advice_known_by_heart_for_now_stands_while_it_is_asked_for(begin):
    teacher = Gated(known={"here": FOR_NOW, "there": A})
    advisor = begin(teacher)
    assert advisor.advice(HERE) == advisor.advice(HERE) == FOR_NOW
    assert advisor.advice(THERE) == A
    answered(advisor, HERE)
    assert advisor.advice(HERE) == A
    assert teacher.asked == ["here"]


def test_the_file_is_looked_into_once_and_not_while_the_question_is_open(begin):
    class Filed(Gated):
        looks = 0

        def lookup(self, situation):
            self.looks += 1
            return super().lookup(situation)

    teacher = Filed()
    advisor = begin(teacher)
    assert [advisor.advice(HERE) for _ in range(3)] == [None] * 3
    assert teacher.looks == 1


def test_as_many_questions_are_open_as_there_are_workers(begin):
    teacher = Gated()
    advisor = begin(teacher, workers=2)
    texts = [Situation(str(i), ("a", "b"), ROWS) for i in range(6)]
    assert [advisor.advice(text) for text in texts] == [None] * 6
    for _ in range(2):
        assert teacher.begun.acquire(timeout=20)
    assert advisor.open_questions == 6
    teacher.gate.release(6)
    advisor.wait(texts, 20.0)
    assert (teacher.most_open, advisor.open_questions) == (2, 0)


def test_nobody_waits_longer_than_was_said(begin):
    advisor = begin(Gated())
    waiting = threading.Thread(target=advisor.wait, args=([HERE], 0.01), daemon=True)
    waiting.start()
    waiting.join(20.0)  # without an answer
    assert not waiting.is_alive()
    assert advisor.is_asked(HERE)


def test_at_the_end_what_is_under_way_is_kept_and_the_rest_given_up(begin):
    teacher = Gated()
    advisor = begin(teacher, workers=1)
    assert [advisor.advice(HERE), advisor.advice(THERE)] == [None, None]
    assert teacher.begun.acquire(timeout=20)
    advisor.close()  # does not wait: the gate is closed
    assert advisor.is_asked(HERE)
    answered(advisor, HERE)
    assert advisor.advice(HERE) == A
    assert (advisor.open_questions, teacher.asked) == (0, ["here"])


class Plain(Teacher):
    def advise(self, situations):
        return [A] * len(situations)


def test_a_copy_has_the_same_number_of_workers():
    assert pickle.loads(pickle.dumps(BackgroundAdvisor(Plain(), workers=3))).workers == 3
    assert BackgroundAdvisor(Plain()).workers == 16
