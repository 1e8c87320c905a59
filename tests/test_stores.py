"""One small interface, two stores: a file, and Redis for several machines. Real servers only."""

import contextlib
import json
import pickle
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import pytest

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm import records
from gym_llmteacher.llm.answers import Answers, open_answers
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.schema import SCHEMA_VERSION
from gym_llmteacher.llm.sqlite import BusyError
from gym_llmteacher.llm.store import Find, Hold, Spend
from gym_llmteacher.testing import FakeLLMServer, FakeReply

NO_LIMITS = (float("inf"),) * 3


@pytest.fixture(params=["file", "redis"])
def spec(request, tmp_path):
    if request.param == "file":
        return str(tmp_path / "answers.sqlite")
    return request.getfixturevalue("redis_url")


def record(key, created=1000.0, model="m", said="yes"):
    prompt = [{"role": "user", "content": "what next?"}]
    return Record(key, model, "samples", "sees key", prompt, Reply((said,)).as_dict(), created)


def test_put_and_get(spec):
    store = open_answers(spec)
    assert store.get("k") is None
    assert store.put("k", Reply(("first",)), model="m", elicitation="samples").texts == ("first",)
    assert store.put("k", Reply(("later",)), model="m", elicitation="samples").texts == ("first",)
    assert pickle.loads(pickle.dumps(store)).get("k").texts == ("first",)
    assert len(store) == 1
    store.close()
    assert store.get("k").texts == ("first",)


def test_records_are_read_shared_and_corrected(spec):
    store = open_answers(spec)
    new = [record("b", 3.0), record("a", 2.0, model="n"), record("c", time.time())]
    assert store.insert(new) == 3
    assert store.insert([record("b"), record("d", 1.0)]) == 1
    assert [r.key for r in store.records()] == ["d", "a", "b", "c"]
    assert json.dumps(asdict(list(store.records())[2])) == json.dumps(asdict(new[0]))
    assert [r.key for r in store.records(Find(since=2.0))] == ["b", "c"]
    assert [r.key for r in store.page(Find(model="m"), skip=1, most=1)] == ["b"]
    assert [r.key for r in store.page(Find(newest=True))] == ["c", "b", "a", "d"]
    assert store.page(Find(order="model", newest=True), most=1)[0].key == "a"
    assert [r.key for r in store.page(Find(text="what next"), most=2)] == ["d", "a"]
    assert store.page(Find(text="%")) == []
    assert len(store.page(Find(tasks=("no such", "what next")))) == 4
    assert store.page(Find(tasks=("no such", "sees key"))) == []  # in the situation alone
    assert [(of.model, of.answers) for of in store.totals()] == [("m", 3), ("n", 1)]
    assert records.edit(store, "b", "Action: {go}").edited
    assert store.get("b").texts == ("Action: {go}",)
    assert [r.edited for r in store.records()] == [False, False, True, False]
    lines = list(records.export(store))
    assert records.prune(store, days=1.0) == 3
    assert [r.key for r in store.records()] == ["c"]
    done = records.insert(store, lambda: lines)
    assert (done.added, done.known, done.other, done.n_bad) == (3, 1, 0, 0)
    assert [r.edited for r in store.records()] == [False, False, True, False]
    assert store.delete([]) == 0


def lives(owner):
    return True


def test_leases(spec):
    store = open_answers(spec)
    one, two = Hold("one", 60.0, lives), Hold("two", 60.0, lives)
    assert store.lease("q", one)
    assert not store.lease("q", two)
    assert store.lease("q", replace(two, lives=lambda owner: owner != "one"))
    store.release("q", one)  # no longer theirs
    assert not store.lease("q", one)
    store.release("q", two)
    assert store.lease("q", replace(one, seconds=0.005))
    time.sleep(0.02)
    assert store.lease("q", two)  # expired
    store.renew(replace(two, seconds=0.005))
    time.sleep(0.02)
    assert store.lease("q", one)


def test_spending_is_exact(spec):
    store, hold = open_answers(spec), Hold("one", 60.0, lives)

    def spend(_):
        own = open_answers(spec)
        name = own.reserve(Spend(1, 10, 0.25), (37, 1e9, 1e9), hold, 60.0)
        while name is not None:
            with contextlib.suppress(BusyError):  # on a busy machine; a keeper tries again, too
                own.settle(name, Spend(1, 10, 0.25))
                break
        return name is not None

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(spend, range(100)))
    assert sum(done) == 37
    assert store.spent() == Spend(37, 370, 9.25)
    assert store.reserve(Spend(0, 0, 1.0), (1e9, 1e9, 10.0), hold) is None


def test_what_is_set_aside_ends_with_its_owner(spec):
    store, limits, dead = open_answers(spec), (5, 1000, 10.0), set()

    def alive(owner):
        return owner not in dead

    one, two = (Hold(owner, 60.0, alive) for owner in ("one", "two"))
    assert store.reserve(Spend(3, 900, 1.0), limits, one)
    assert store.spent() == Spend(3, 900, 1.0)
    assert store.reserve(Spend(1, 200, 1.0), limits, two) is None
    dead.add("one")
    name = store.reserve(Spend(1, 200, 1.0), limits, two)
    assert store.spent() == Spend(1, 200, 1.0)
    store.settle(name, Spend(1, 150, 0.5))
    store.settle(name, Spend(0, 50, 0.0))  # not set aside any more: only entered
    assert store.spent() == Spend(1, 200, 0.5)
    assert store.reserve(Spend(4, 0, 0.0), limits, replace(two, seconds=0.005))
    time.sleep(0.02)  # no sign of life
    assert store.reserve(Spend(4, 0, 0.0), limits, replace(one, lives=lives))


def test_teachers_share_answers_questions_and_budget(spec):
    """Threads that stand for machines: 40 questions, once each, within one budget."""
    here = [Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(40)]
    with FakeLLMServer(FakeReply("Action: {a}", delay=0.01)) as server:

        def ask(_):
            teacher = LLMTeacher(server.model, spec, samples=1, budget={"calls": 30})
            teacher.oracle.client.max_retries = 0
            return [advice.abstained for advice in teacher.advise(here)]

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, range(4)))
        assert len(server.history) == 30
    assert all(sum(row) >= 10 for row in answers)
    assert len(open_answers(spec)) == 30


def test_a_redis_that_is_gone(redis_url, caplog):
    url = redis_url.replace("planted-password@", "planted-password@unreachable.invalid.")
    with pytest.raises(AnswersFileError, match="expected a Redis server") as raised:
        LLMTeacher("openai/fake", url)
    keeper = Keeper(open_answers(url))
    assert keeper.get("k") is None
    assert keeper.add(record("k")).texts == ("yes",)
    assert keeper.get("k").texts == ("yes",)
    assert len(caplog.records) == 1
    assert "planted-password" not in str(raised.value) + caplog.text + keeper.store.path


def test_a_client_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(AnswersFileError, match=r"pip install 'gym-llmteacher\[redis\]'"):
        open_answers("redis://127.0.0.1/0")


VERSION_1 = """
CREATE TABLE spend (one INTEGER PRIMARY KEY CHECK (one = 1), calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL, usd REAL NOT NULL);
INSERT INTO spend VALUES (1, 7, 700, 0.5);
CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL)
    WITHOUT ROWID;
CREATE TABLE answers (key TEXT PRIMARY KEY, model TEXT NOT NULL, elicitation TEXT NOT NULL,
    text TEXT NOT NULL, prompt TEXT NOT NULL, reply TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL, seconds REAL NOT NULL,
    created REAL NOT NULL) WITHOUT ROWID;
PRAGMA application_id = 1280068948;
PRAGMA user_version = 1;
"""


def test_an_old_file_is_migrated_by_whoever_comes_first(tmp_path):
    path = tmp_path / "old.sqlite"
    old = record("k")
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    row = (old.key, old.model, old.elicitation, old.text, '[{"role": "user", "content": "q"}]',
           json.dumps(old.reply), 11, 5, 0.25, 1.5, old.created)  # fmt: skip
    connection.execute(f"INSERT INTO answers VALUES ({','.join('?' * 11)})", row)
    connection.commit()
    connection.close()
    barrier = threading.Barrier(4, timeout=20)

    def come(_):
        store = Answers(path)
        barrier.wait()
        store.check()
        return store.get("k").texts, store.spent()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(come, range(4))) == [(("yes",), Spend(7, 700, 0.5))] * 4
    store = Answers(path)
    assert store.insert([record("new")]) == 1
    store.replace(replace(old, edited=True))
    assert [(r.key, r.edited) for r in store.records()] == [("k", True), ("new", False)]
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION == 6
    connection.close()


def test_many_open_a_new_file_at_once(tmp_path):
    """SQLite does not wait for the locks by which a file is made."""

    def come(path):
        store = Answers(path)
        store.check()
        store.close()

    with ThreadPoolExecutor(8) as pool:
        for i in range(40):
            list(pool.map(come, [tmp_path / f"{i}.sqlite"] * 8))
