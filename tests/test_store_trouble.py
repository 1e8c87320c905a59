"""The store fails after a request was paid for: nothing is lost, paid twice or overspent."""

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from gym_llmteacher import Abstention, LLMTeacher, Situation
from gym_llmteacher.errors import AnswersFileError, TeacherSpecError
from gym_llmteacher.experiments.estimate import estimate, estimate_table
from gym_llmteacher.llm.answers import Answers, open_answers
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.store import Spend
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.redis_server import RedisServer

GOOD = "Action: {a}"


def here(text="text"):
    return Situation(text, ("a", "b"), np.eye(2, dtype=np.float32))


def wait_for(what):
    ends = time.monotonic() + 30
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.02)


FULL_DISK = """
    import json, logging, os, resource, sys, time, numpy as np
    from gym_llmteacher import LLMTeacher, Situation
    url, path = sys.argv[1:]
    model = {"model": "openai/fake", "api_base": url, "api_key": "none"}
    teacher = LLMTeacher(model, path, samples=1)
    here = [Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(6)]
    teacher.advise(here[:2])
    size = max(os.path.getsize(path + end) for end in ("", "-wal", "-shm"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    advices = teacher.advise(here[2:])
    again = [teacher.oracle.ask(teacher.question(one)) for one in here]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(json.dumps([sum(a.abstained for a in advices), [r.stored for r in again]]))
"""


def test_a_full_disk_loses_nothing(tmp_path):
    path = tmp_path / "a.sqlite"
    with FakeLLMServer(GOOD) as server:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(FULL_DISK), server.url, str(path)],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == [0, [True] * 6], done.stderr
        assert len(server.history) == 6
    assert done.stderr.count("is kept in memory until it can be written") == 1
    # What was owed is written at the end of the process at the latest, and so are the books.
    assert len(Answers(path)) == 6
    assert Answers(path).spent() == Spend(6, 60, 0.0)


@pytest.mark.parametrize("budget", [None, {"calls": 100}])
def test_a_redis_that_dies_and_comes_back(tmp_path, budget, caplog):
    redis = RedisServer(tmp_path, keeps=True)
    with FakeLLMServer(GOOD) as server:
        teacher = LLMTeacher(server.model, redis.url, samples=1, budget=budget)
        assert not teacher.advise([here("before")])[0].abstained
        redis.kill()
        advices = teacher.advise([here(f"meanwhile {i}") for i in range(3)])
        meanwhile = 0 if budget else 3  # where nobody can count, nothing is spent
        assert len(server.history) == 1 + meanwhile
        assert [a.abstained for a in advices] == [bool(budget)] * 3
        if budget:
            assert {a.reason for a in advices} == {Abstention.OVER_BUDGET}
        redis.start()
        wait_for(teacher.oracle.keeper.flush)
        assert not teacher.advise([here("after")])[0].abstained
    store = open_answers(redis.url)
    assert len(store) == 2 + meanwhile
    assert store.spent() == Spend(2 + meanwhile, 10 * (2 + meanwhile), 0.0)
    assert "planted-password" not in caplog.text
    store.close()
    teacher.close()
    redis.kill()


def test_a_redis_that_never_answers_costs_a_moment_and_not_every_question(tmp_path):
    """Connections are taken, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as silent, FakeLLMServer(GOOD) as server:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        teacher = LLMTeacher(server.model, ":memory:", samples=1)
        teacher.oracle.keeper.store = open_answers(url)
        advices = teacher.advise([here(f"text {i}") for i in range(40)])
        silent.setblocking(False)
        tried = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                tried += 1
        assert 1 <= tried < 10  # two seconds to find out, not for each of 40
        assert not any(advice.abstained for advice in advices)
        assert len(server.history) == 40
        assert len(teacher.oracle.keeper._unwritten) == 40
        teacher.oracle.keeper._start()  # nobody waits for it at the end


def chat(**usage):
    message = {"role": "assistant", "content": GOOD}
    return FakeReply(body=json.dumps({
        "id": "x", "object": "chat.completion", "created": 0, "model": "fake", "usage": usage,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }))  # fmt: skip


@pytest.mark.parametrize("tokens", [-1000, 2**63, 10**30, 10**15])
@pytest.mark.parametrize("kind", ["file", "redis"])
def test_what_a_server_counts_never_turns_the_books_back_or_breaks_them(
    tokens, kind, tmp_path, request
):
    spec = tmp_path / "a.sqlite" if kind == "file" else request.getfixturevalue("redis_url")
    reply = chat(prompt_tokens=tokens, completion_tokens=tokens, total_tokens=2 * tokens)
    with FakeLLMServer(reply) as server:
        teacher = LLMTeacher(server.model, spec, samples=1)
        assert not teacher.advise([here()])[0].abstained
        teacher.close()
        again = LLMTeacher(server.model, spec, samples=1)
        assert again.advise([here()])[0].source == "answers"
        assert len(server.history) == 1
    spent = open_answers(spec).spent()
    assert spent.calls == 1
    assert 0 < spent.tokens < 10_000  # the most that one request may cost
    assert all(0 <= of.tokens <= 2**54 for of in open_answers(spec).totals())


def test_half_a_pair_of_surrogates_in_a_text_costs_nothing_but_itself(tmp_path):
    path = tmp_path / "a.sqlite"
    with FakeLLMServer(GOOD) as server:
        teacher = LLMTeacher(server.model, path, samples=1)
        (advice,) = teacher.advise([here("half \ud800 of a pair")])
        teacher.close()
        again = LLMTeacher(server.model, path, samples=1)
        assert again.advise([here("half \ud800 of a pair")])[0].abstained == advice.abstained
        assert len(server.history) == (0 if advice.abstained else 1)


def test_a_file_that_is_deleted_or_replaced_is_noticed(tmp_path, caplog):
    path, other = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    Answers(other).check()
    with FakeLLMServer(GOOD) as server:
        free, limited = (
            LLMTeacher(server.model, path, samples=1, budget=budget)
            for budget in (None, {"calls": 1})
        )
        assert not limited.advise([here("one")])[0].abstained
        for file in tmp_path.glob("a.sqlite*"):
            file.unlink()
        (advice,) = limited.advise([here("two")])
        assert advice.reason is Abstention.OVER_BUDGET
        os.replace(other, path)  # whose books are empty
        (advice,) = limited.advise([here("two")])
        assert "deleted or replaced while it was in use" in advice.source
        assert not free.advise([here("three")])[0].abstained
        assert len(server.history) == 2
    told = [r for r in caplog.records if "deleted or replaced" in r.getMessage()]
    assert len([r for r in told if "kept in memory" in r.getMessage()]) == 2  # one each
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM answers").fetchone()[0] == 0
    connection.close()


READ_ONLY = """
    import os, sys, numpy as np
    path = sys.argv[1]
    from gym_llmteacher import LLMTeacher, Situation
    from gym_llmteacher.errors import AnswersFileError
    LLMTeacher(sys.argv[2], ":memory:", offline=True)  # imports what it needs
    if os.geteuid() == 0:
        os.setuid(65534)
    here = Situation("text", ("a", "b"), np.eye(2, dtype=np.float32))
    model = sys.argv[2]
    print(LLMTeacher(model, path, samples=1, offline=True).advise([here])[0].source)
    try:
        LLMTeacher(model, path, samples=1)
    except AnswersFileError as error:
        print(error)
"""


def test_what_is_read_only_can_be_read(tmp_path):
    folder = tmp_path / "mounted"
    path = folder / "a.sqlite"
    with FakeLLMServer(GOOD) as server:
        teacher = LLMTeacher(server.model, path, samples=1)
        teacher.advise([here()])
        teacher.close()
        parent = tmp_path
        while parent.stat().st_uid == os.getuid() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o555)
            if parent.name.startswith("pytest-of-"):
                break
            parent = parent.parent
        path.chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(READ_ONLY), str(path), "openai/fake"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        folder.chmod(0o755)
    known, refused = done.stdout.splitlines()
    assert known == "answers", done.stderr
    assert "is read-only. Cure: offline=True" in refused


@pytest.mark.parametrize(
    "url",
    [
        "redis://:planted-pass@word@host:port/0",
        "redis://:planted-pass@host:6379/zero",
        "redis://:planted-pass@host:6379/0?password=planted-pass&nonsense=1",
        "redis://:planted-pass/word@host:6379/0",
    ],
)
def test_a_malformed_address_is_one_clear_error(url):
    with pytest.raises(AnswersFileError, match="no address of a Redis server") as raised:
        LLMTeacher("openai/fake", url)
    assert "planted" not in str(raised.value)


def test_a_budget_in_dollars_needs_a_price():
    model = {"model": "openai/fake", "api_base": "http://127.0.0.1:9/v1"}
    for name in ("budget", "process_budget"):
        with pytest.raises(TeacherSpecError, match=r'no price is known.*"input_cost_per_token"'):
            LLMTeacher(model, ":memory:", **{name: {"usd": 1.0}})
    with pytest.raises(TeacherSpecError, match="input_cost_per_token is -1"):
        LLMTeacher({**model, "input_cost_per_token": -1}, ":memory:", budget={"usd": 1.0})
    LLMTeacher("openai/gpt-4o-mini", ":memory:", budget={"usd": 1.0})


def test_prices_of_the_dict_count():
    prices = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002, "max_tokens": 20}
    with FakeLLMServer(GOOD) as server:
        teacher = LLMTeacher(
            {**server.model, "model": "openai/priced", **prices},
            ":memory:",
            samples=1,
            budget={"usd": 1.0},
        )
        advices = teacher.advise([here(f"text {i}") for i in range(100)])
        asked = len(server.history)
    # 7 tokens sent and 3 received, by the server's count.
    assert teacher.oracle.budget.spent.usd == pytest.approx(asked * 0.013)
    assert teacher.metrics()["cost_usd"] == pytest.approx(asked * 0.013)
    assert 20 < asked < 77
    assert [advice.abstained for advice in advices] == [False] * asked + [True] * (100 - asked)


def test_an_unread_keeper_does_not_keep_a_process(tmp_path):
    keeper = Keeper(Answers(tmp_path / "a.sqlite"), seconds=0.2)
    assert keeper.lease("k")
    keeper.release("k")
    wait_for(lambda: keeper._thread is None)


def test_an_estimate_says_where_no_price_is_known():
    import gymnasium as gym
    from rich.console import Console

    from gym_llmteacher import GroundingWrapper

    env = GroundingWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"))
    found = estimate(env, LLMTeacher("openai/fake", ":memory:"), 1000, frames=50)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(estimate_table("env", found))
    assert "no price is known for this model" in captured.get()
    assert "0.0000" not in captured.get()
