"""Each question is asked once, whoever asks: threads, processes, and after somebody was killed."""

import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.llm.claims import Claims
from gym_llmteacher.testing import FakeLLMServer, FakeReply

GOOD = "Action: {a}"
ASK = """
    import sys, numpy as np
    from gym_llmteacher import LLMTeacher, Situation
    from gym_llmteacher.teachers.background import BackgroundAdvisor
    url, path, n, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    model = {"model": "openai/fake", "api_base": url, "api_key": "none"}
    teacher = LLMTeacher(model, path, samples=1, max_retries=0)
    rows = np.eye(2, dtype=np.float32)
    here = [Situation(f"text {i}", ("a", "b"), rows) for i in range(n)]
    np.random.default_rng(seed).shuffle(here)
    advisor = BackgroundAdvisor(teacher, workers=8)
    advisor.wait(here, 300.0)
    print(sum(not advisor.advice(situation).abstained for situation in here))
"""


def ask(server, path, n, seed):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ASK), server.url, str(path), str(n), str(seed)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_four_processes_ask_five_hundred_questions_once(tmp_path):
    path = tmp_path / "answers.sqlite"
    with FakeLLMServer(FakeReply(GOOD, delay=0.005)) as server:
        runs = [ask(server, path, 500, seed) for seed in range(4)]
        answered = [int(run.communicate(timeout=300)[0].split()[-1]) for run in runs]
        assert answered == [500] * 4
        assert len(server.history) == 500
    assert len(Answers(path)) == 500


def test_threads_of_one_process_ask_once():
    here = Situation("text", ("a", "b"), np.eye(2, dtype=np.float32))
    with FakeLLMServer(FakeReply(GOOD, delay=0.2)) as server, ThreadPoolExecutor(8) as pool:
        teacher = LLMTeacher(server.model, ":memory:", samples=1)
        advices = list(pool.map(lambda _: teacher.advise([here])[0], range(8)))
        assert len(server.history) == 1
    assert all(advice.plans == ((("a",), 1.0),) for advice in advices)


def test_a_killed_process_leaves_no_claim_and_loses_no_answer(tmp_path):
    """Killed again and again in the middle of asking; arrived replies are never paid for twice."""
    path = tmp_path / "answers.sqlite"
    workers, kills, n = 8, 3, 300
    with FakeLLMServer(FakeReply(GOOD, delay=0.05)) as server:
        for seed in range(kills):
            run = ask(server, path, n, seed)
            before = len(server.history)
            while len(server.history) < before + 30:
                assert run.poll() is None
                time.sleep(0.01)
            run.kill()
            run.wait()
            run.stdout.close()
        last = ask(server, path, n, 9)
        assert int(last.communicate(timeout=300)[0].split()[-1]) == n
        # What was on its way at a kill may be asked again, nothing else.
        assert n <= len(server.history) <= n + kills * workers
    assert len(Answers(path)) == n


def test_claims_expire(tmp_path):
    path = tmp_path / "answers.sqlite"
    first, second = Claims(Answers(path), seconds=0.0), Claims(Answers(path), seconds=60.0)
    assert first.take("question")
    assert second.take("question")
    assert not first.take("question")
    second.release("question")
    assert first.take("question")
