"""Each question is asked once, whoever asks: threads, processes, and after somebody was killed."""

import multiprocessing
import subprocess
import sys
import textwrap
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import settings

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.testing import FakeLLMServer, FakeReply

GOOD = "Action: {a}"
ASK = """
    import sys, numpy as np
    from gym_llmteacher import LLMTeacher, Situation
    from gym_llmteacher.advising.background import BackgroundAdvisor
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


def _ask_until_killed(model, path, n, seed):
    teacher = LLMTeacher(model, path, samples=1, max_retries=0)
    here = [Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(n)]
    np.random.default_rng(seed).shuffle(here)
    advisor = BackgroundAdvisor(teacher, workers=WORKERS)
    advisor.wait(here, 300.0)


WORKERS = 8
KILLS = 50 if settings.default.max_examples > 2_000 else 8


@pytest.mark.slow
def test_killed_at_random_moments_it_loses_nothing_and_asks_nothing_twice(tmp_path, monkeypatch):
    """What had arrived is kept; only a question that was open at a kill may be asked again."""
    path, n = tmp_path / "answers.sqlite", 24 * KILLS
    rng = np.random.default_rng(100)

    def answer(body):
        time.sleep(0.03)
        return GOOD

    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # for the processes to come
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["litellm", "gym_llmteacher.teachers.llm"])
    with FakeLLMServer(answer) as server:
        for seed in range(KILLS):
            # The key tells the server which process is asking; it is no part of the question.
            model = {**server.model, "api_key": f"run {seed}"}
            run = context.Process(target=_ask_until_killed, args=(model, path, n, seed))
            before = len(server.history)
            run.start()
            seen = before + rng.integers(1, 25)
            while len(server.history) < seen and run.is_alive():
                time.sleep(0.002)
            time.sleep(rng.uniform(0.0, 0.06))
            run.kill()
            run.join()
        arrived, spent = len(Answers(path)), Answers(path).spent()
        # The books: what was answered, give or take what was open at the kills; and nothing of
        # what had been set aside for it, which is a hundred times as much.
        assert arrived <= spent.calls <= len(server.history)
        assert spent.calls <= arrived + KILLS * WORKERS
        assert spent.tokens == 10 * spent.calls
        last = LLMTeacher(server.model, path, samples=1, max_retries=0)
        here = [Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(n)]
        advisor = BackgroundAdvisor(last, workers=WORKERS)
        advisor.wait(here, 300.0)
        assert not any(advisor.advice(situation).abstained for situation in here)
        advisor.close()
    assert 0 < arrived < n  # it was killed before it was through, but not before it began
    assert len(Answers(path)) == n
    runs = {}  # by question: who asked it, in order
    for request in server.history:
        if request.body:  # a kill may cut a request off
            question = request.body["messages"][-1]["content"]
            runs.setdefault(question, []).append(request.headers["Authorization"])
    again = Counter(run for asked_by in runs.values() for run in asked_by[:-1])
    assert all(len(set(asked_by)) == len(asked_by) for asked_by in runs.values())
    # A worker asks its next question when it has kept the last answer: one each was open at a kill.
    assert max(again.values(), default=0) <= WORKERS
    assert n <= len(server.history) <= n + KILLS * WORKERS
