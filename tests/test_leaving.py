"""Whoever wants to leave is gone at once, whatever a server, a teacher or another training does."""

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest

from gym_llmteacher import Situation, Teacher
from gym_llmteacher.advice import Advice
from gym_llmteacher.daemon_pool import DaemonPool
from gym_llmteacher.errors import TeacherError
from gym_llmteacher.experiments.checkpoint import FILE
from gym_llmteacher.teachers.process import ProcessTeacher
from gym_llmteacher.testing import FakeLLMServer, FakeReply

SOON = 20.0  # seconds; two are wanted, a busy machine takes longer, and what hangs never ends
HANG = FakeReply("late", delay=math.inf)


def here(text="text"):
    return Situation(text, ("a", "b"), np.eye(2, dtype=np.float32))


def wait_for(what, seconds=60):
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.02)


def runs(pid):
    """Whether a process is there, and more than a line in a table until somebody looks at it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize(
    ("number", "process"),
    [(signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGTERM, False)],
)
def test_a_training_that_hangs_is_interrupted(number, process, tmp_path):
    asked = threading.Event()

    def answer(body):
        if len(server.history) == 1:  # the probe
            return "Action: {explore}"
        asked.set()
        return HANG

    with FakeLLMServer(answer) as server:
        teacher = {**server.model, "samples": 1, "elicitation": {"name": "samples"}, "task": "go"}
        teacher = {"process": teacher} if process else teacher
        run = subprocess.Popen(
            [sys.executable, "-m", "gym_llmteacher.cli", "train", "--teacher", json.dumps(teacher),
             "--out", str(tmp_path), "--steps", "2000", "--students", "teacher"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert asked.wait(90)
        family = [str(run.pid), *children(run.pid)]
        assert len(family) == 1 + process
        started = time.monotonic()
        os.killpg(run.pid, number)
        out, err = run.communicate(timeout=60)
        wait_for(lambda: not any(map(runs, family)))
        assert time.monotonic() - started < SOON
    assert run.returncode == 128 + (2 if number == signal.SIGINT else 15)
    assert "Interrupted. The same command with --resume goes on." in out
    assert err.count("\n") <= 1, err
    assert (tmp_path / FILE).exists()


END = """
    import sys, threading, time, numpy as np
    from gym_llmteacher import LLMTeacher, Situation
    from gym_llmteacher.advising.background import BackgroundAdvisor
    from gym_llmteacher.teachers.process import ProcessTeacher
    url, path, process = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
    teacher = LLMTeacher({"model": "openai/fake", "api_base": url, "api_key": "none"}, path)
    advisor = BackgroundAdvisor(ProcessTeacher(teacher) if process else teacher)
    here = [Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(20)]
    for one in here:
        advisor.advice(one)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("process", [False, True])
def test_the_end_of_a_script_is_its_end(process, tmp_path):
    with FakeLLMServer(HANG) as server:
        run = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(END), server.url, str(tmp_path / "a"),
             str(process)],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_for(lambda: len(server.history) >= 16)
        family = [str(run.pid), *children(run.pid)]
        started = time.monotonic()
        _, err = run.communicate("\n", timeout=60)
        wait_for(lambda: not any(map(runs, family)))
        assert time.monotonic() - started < SOON
    assert err == ""
    assert run.returncode == 0


class OddError(TeacherError):
    """Cannot be unpickled: it wants two arguments, and gives one."""

    def __init__(self, one, two):
        super().__init__(one)


class Odd(Teacher):
    """Misbehaves in all ways there are."""

    def advise(self, situations):
        what = situations[0].text
        if what == "exits":
            sys.exit(3)
        if what == "raises what cannot be read":
            raise OddError("one", "two")
        if what == "raises what cannot be sent":
            raise OddError(threading.Lock(), "two")
        return {
            "says too little": [], "says nothing": None, "says something else": ["advice"],
            "says what cannot be sent": [Advice(((("a",), 1.0),), source=threading.Lock())],
            "is fine": [Advice(((("a",), 1.0),))],
        }[what]  # fmt: skip

    def metrics(self):
        raise ZeroDivisionError


def test_a_teacher_in_a_process_never_leaves_anybody_waiting():
    teacher = ProcessTeacher(Odd())
    asked = {
        what: teacher._send(("key", here(what)))
        for what in ("exits", "raises what cannot be read", "raises what cannot be sent",
                     "says too little", "says nothing", "says something else",
                     "says what cannot be sent", "breaks")
    }  # fmt: skip
    _, waiting = wait(asked.values(), timeout=60)
    assert not waiting
    assert {what: type(future.exception()) for what, future in asked.items()} == dict.fromkeys(
        asked, RuntimeError
    )
    assert "raised SystemExit: 3" in str(asked["exits"].exception())
    assert "advise returned [], expected one Advice" in str(asked["says too little"].exception())
    assert not teacher.advise([here("is fine")])[0].abstained
    teacher.close()


def test_a_teacher_that_cannot_be_sent_starts_no_process():
    class Local(Odd):
        lock = None

    teacher = ProcessTeacher(Local())
    teacher.teacher.lock = threading.Lock()
    for _ in range(2):
        with pytest.raises(TypeError, match="cannot pickle"):
            teacher.advise([here()])
    assert teacher._process is None


def test_a_pool_of_daemons():
    pool, go, running = DaemonPool(3), threading.Event(), threading.Semaphore(0)

    def work(i):
        running.release()
        assert go.wait(30)
        if i == 1:
            raise SystemExit
        return threading.current_thread().name

    futures = [pool.submit(work, i) for i in range(10)]
    for _ in range(3):
        assert running.acquire(timeout=30)
    assert not running.acquire(blocking=False)
    pool.close()
    assert sum(future.cancelled() for future in futures) == 7
    go.set()
    wait(futures, timeout=30)
    assert isinstance(futures[1].exception(), SystemExit)
    assert len({futures[i].result() for i in (0, 2)}) == 2
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(work, 1)


def test_a_pool_needs_no_more_threads_than_it_has_work():
    pool = DaemonPool(8, name="counted")

    def threads():
        return sum(thread.name.startswith("counted") for thread in threading.enumerate())

    for _ in range(50):
        pool.submit(lambda: None).result(30)
        wait_for(lambda: pool._idle._value > 0)
    assert threads() == 1
    pool.close()
    wait_for(lambda: threads() == 0)


ASK = """
    import sys, numpy as np
    from gym_llmteacher import LLMTeacher, Situation
    model = {"model": "openai/fake", "api_base": sys.argv[1], "api_key": "none"}
    teacher = LLMTeacher(model, sys.argv[2], samples=1, timeout=600)
    try:
        teacher.advise([Situation("text", ("a", "b"), np.eye(2, dtype=np.float32))])
    except KeyboardInterrupt:
        question = Situation("text", ("a", "b"), np.eye(2, dtype=np.float32))
        key = teacher.oracle.key(teacher.question(question))
        print(LLMTeacher(model, sys.argv[2], samples=1).oracle.keeper.lease(key))
"""


def test_a_question_that_hangs_can_be_interrupted_in_a_script(tmp_path):
    """The main thread itself asks: Ctrl-C reaches it, and the lease is free again."""
    with FakeLLMServer(HANG) as server:
        run = subprocess.Popen(
            [sys.executable, "-u", "-c", textwrap.dedent(ASK), server.url, str(tmp_path / "a")],
            stdout=subprocess.PIPE, text=True,
            # Whoever started the tests in the background may have had SIGINT ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        wait_for(lambda: server.history)
        started = time.monotonic()
        run.send_signal(signal.SIGINT)
        assert run.stdout.readline() == "True\n"
        assert time.monotonic() - started < SOON
        run.communicate(timeout=60)
