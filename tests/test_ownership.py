"""A lease ends with its owner, a wait with the waiter's own deadline; reading waits for nobody."""

import logging
import math
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gym_llmteacher import Abstention, LLMTeacher, Situation
from gym_llmteacher.llm.answers import Answers, open_answers
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.llm.owner import may_live, new_owner
from gym_llmteacher.llm.store import Hold
from gym_llmteacher.testing import FakeLLMServer, FakeReply

GOOD = "Action: {a}"
ELSEWHERE = "another-machine/pid:[1] 1 2 abc"


def here(text="text"):
    return Situation(text, ("a", "b"), np.eye(2, dtype=np.float32))


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """The first request takes seconds, of which no deadline here knows."""
    with FakeLLMServer(GOOD) as server:
        LLMTeacher(server.model, ":memory:", samples=1).advise([here()])


def test_a_process_that_has_the_number_of_another_is_not_taken_for_it():
    mine = new_owner()
    machine, pid, started, token = mine.split()
    assert pid == str(os.getpid())
    assert may_live(mine)
    assert not may_live(f"{machine} {pid} {int(started) - 1} {token}")
    assert may_live(ELSEWHERE)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        other = f"{machine} {child.pid} {stat[19]} {token}"
        assert may_live(other)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not may_live(other)  # a zombie
    assert not may_live(other)


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_the_living_renew_what_they_hold_with_one_thread(kind, tmp_path, request):
    spec = tmp_path / "a.sqlite" if kind == "file" else request.getfixturevalue("redis_url")
    one, two = (Keeper(open_answers(spec), seconds=0.4) for _ in range(2))
    keys = [f"question {i}" for i in range(20)]
    before = set(threading.enumerate())
    assert all(map(one.lease, keys))
    new = set(threading.enumerate()) - before
    assert [thread.name for thread in new if thread.name == "answers"] == ["answers"]
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        assert not two.lease(keys[7])
        time.sleep(0.02)
    one.release(keys[7])
    assert two.lease(keys[7])
    for keeper, held in ((one, keys[:7] + keys[8:]), (two, keys[7:8])):
        for key in held:
            keeper.release(key)


def test_the_waiters_own_deadline_holds_and_a_long_wait_is_told_once(tmp_path, caplog):
    """Somebody on another machine holds the lease, and nobody can look at him from here."""
    with FakeLLMServer(GOOD) as server:
        teacher = LLMTeacher(server.model, tmp_path / "a.sqlite", samples=1, deadline=1.4)
        key = teacher.oracle.key(teacher.question(here()))
        lasting = Hold(ELSEWHERE, 60.0, may_live)
        assert teacher.answers.lease(key, lasting)
        started = time.monotonic()
        with caplog.at_level(logging.WARNING):
            (advice,) = teacher.advise([here()])
        assert 1.3 < time.monotonic() - started < 15.0  # the lease lasts a minute
        assert advice.reason is Abstention.TIMEOUT
        assert sum("is waiting for an answer" in r.getMessage() for r in caplog.records) == 1
        assert len(server.history) == 0
        teacher.answers.renew(Hold(ELSEWHERE, 0.0, may_live))  # his last sign of life
        (advice,) = LLMTeacher(server.model, tmp_path / "a.sqlite", samples=1).advise([here()])
        assert not advice.abstained


def timed(teacher, situations):
    """Seconds until each of them has got advice, asked about at once."""
    start = threading.Barrier(len(situations))

    def ask(situation):
        start.wait()
        started = time.monotonic()
        (advice,) = teacher.advise([situation])
        return time.monotonic() - started, advice

    with ThreadPoolExecutor(len(situations)) as pool:
        return list(pool.map(ask, situations))


def test_one_failure_answers_all_who_waited():
    with FakeLLMServer(FakeReply(GOOD, delay=math.inf)) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, deadline=1.0, max_retries=0)
        asked = timed(teacher, [here()] * 5)
        assert len(server.history) == 1
    assert max(seconds for seconds, _ in asked) < 2.5  # one after the other: 5.4
    assert {advice.reason for _, advice in asked} == {Abstention.TIMEOUT}
    totals = teacher.metrics()
    assert (totals["failed"], totals["deferred"]) == (1, 4)


def test_the_deadline_covers_waiting_for_ones_turn():
    with FakeLLMServer(FakeReply(GOOD, delay=math.inf)) as server:
        teacher = LLMTeacher(
            server.model, ":memory:", samples=1, deadline=1.0, max_retries=0, concurrency=1
        )
        asked = timed(teacher, [here(f"text {i}") for i in range(8)])
        assert len(server.history) <= 2
        assert teacher.oracle.budget.spent.calls == len(server.history)
    assert max(seconds for seconds, _ in asked) < 6.0  # one after the other: 9.6
    assert {advice.reason for _, advice in asked} == {Abstention.TIMEOUT}


def test_reading_never_waits_for_a_writer(tmp_path):
    """Not for another process, and not for a thread of this one that waits for it."""
    path = tmp_path / "a.sqlite"
    with FakeLLMServer(GOOD) as server:
        teacher = LLMTeacher(server.model, path, samples=1, deadline=60.0)
        teacher.advise([here()])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(4) as pool:
            new = [pool.submit(teacher.advise, [here(f"new {i}")]) for i in range(4)]
            question = teacher.question(here())
            for fresh in (teacher, LLMTeacher(server.model, path, samples=1, offline=True)):
                started = time.monotonic()
                for _ in range(20):
                    assert fresh.oracle.lookup(question) is not None
                    time.sleep(0.02)
                assert time.monotonic() - started < 6.0  # the writer stays for as long as this runs
            assert not any(future.done() for future in new)
            other.execute("ROLLBACK")
            assert not any(future.result(60)[0].abstained for future in new)
        other.close()
    assert len(Answers(path)) == 5


FORKED = """
import os, sys, threading
from gym_llmteacher.llm import loading
from gym_llmteacher.llm.locked import Locked
held, free = threading.Event(), threading.Event()
one = Locked()

def hold():
    with one._lock:
        held.set()
        free.wait()

threading.Thread(target=hold, daemon=True).start()
threading.Thread(target=loading.load_litellm, daemon=True).start()
held.wait()
pid = os.fork()
if pid == 0:
    with one._lock:
        pass
    loading.load_litellm()
    os._exit(42)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
free.set()
"""


def test_a_fork_while_others_hold_a_lock_and_import_does_not_hang():
    load_litellm()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["42"], done.stderr
