"""Rate limits and the breaker, by a clock of our own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.errors import CallFailedError, ServerDownError, TeacherSpecError
from gym_llmteacher.llm.client import Client
from gym_llmteacher.llm.limiter import Breaker, Limiter
from gym_llmteacher.testing import FakeLLMServer, FakeReply

HELLO = [{"role": "user", "content": "hello"}]


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@given(st.integers(1, 20), st.lists(st.integers(0, 400), min_size=1, max_size=80))
def test_no_minute_has_more_than_its_share(rpm, sizes):
    clock = Clock()
    limiter = Limiter(rpm=rpm, tpm=1000, clock=clock, sleep=clock.sleep)
    sent = []
    for tokens in sizes:
        with limiter.turn(tokens):
            sent.append((clock(), tokens))
    for start, _ in sent:
        window = [tokens for when, tokens in sent if start <= when < start + 60 - 1e-6]
        assert len(window) <= rpm
        assert sum(window) <= 1000


def test_a_request_larger_than_the_limit_goes_alone():
    clock = Clock()
    limiter = Limiter(tpm=100, clock=clock, sleep=clock.sleep)
    with limiter.turn(50):
        pass
    with limiter.turn(5000):
        pass
    assert 60 <= clock() <= 61


def test_concurrency():
    limiter = Limiter(concurrency=3)
    now, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3, timeout=10)

    def work(_):
        nonlocal now, most
        with limiter.turn():
            with lock:
                now += 1
                most = max(most, now)
            together.wait()
            with lock:
                now -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(12)))
    assert most == 3


def test_the_breaker_opens_waits_and_tries_once():
    clock = Clock()
    breaker = Breaker(failures=3, pause=30, clock=clock)
    for _ in range(2):
        breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.now = 31
    assert breaker.allows()  # one
    assert not breaker.allows()  # and no second
    breaker.worked()
    assert breaker.allows()
    assert breaker.allows()


def test_a_server_that_is_down_is_left_alone_and_found_again():
    clock = Clock()
    breaker = Breaker(failures=2, pause=30, clock=clock)
    down, answers = FakeReply("down", status=500), []
    with FakeLLMServer(lambda body: down if len(answers) < 1 else "fine") as server:
        client = Client("openai/fake", {"api_base": server.url, "api_key": "none"}, max_retries=0,
                        breaker=breaker)  # fmt: skip
        for _ in range(2):
            with pytest.raises(CallFailedError, match="did not answer"):
                client.ask(HELLO)
        for _ in range(50):
            with pytest.raises(ServerDownError, match="failed 2 times in a row; it is left alone"):
                client.ask(HELLO)
        assert len(server.history) == 2
        answers.append("it is back")
        clock.now = 40
        assert client.ask(HELLO).texts == ("fine",)
        assert client.ask(HELLO).texts == ("fine",)


def test_while_the_server_is_down_questions_are_not_blamed():
    """As soon as it is back, all of them are asked."""
    here = [Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(20)]
    working = threading.Event()
    reply = FakeReply("Action: {a}")
    with FakeLLMServer(
        lambda body: reply if working.is_set() else FakeReply("down", status=503)
    ) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, max_retries=0)
        clock = Clock()
        teacher.oracle.client.endpoint.breaker = Breaker(failures=4, pause=30, clock=clock)
        assert all(advice.abstained for advice in teacher.advise(here))
        assert len(server.history) == 4
        working.set()
        clock.now = 31
        advices = teacher.advise(here)
        # The four that failed themselves wait for their own next attempt.
        assert sum(not advice.abstained for advice in advices) == 16


@pytest.mark.parametrize("limits", [{"rpm": 0}, {"tpm": -1}, {"concurrency": 0}])
def test_bad_limits(limits):
    with pytest.raises(TeacherSpecError, match="expected 1 or more, or None for no limit"):
        LLMTeacher(answers=":memory:", **limits)
