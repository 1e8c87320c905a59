"""Large stores are read a page at a time; a process forgets what it met long ago."""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import GroundingWrapper, LLMTeacher, ScriptedTeacher, Situation
from gym_llmteacher.advising.asker import Asker
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.advising.conditions import NewText
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.llm import records
from gym_llmteacher.llm.answers import open_answers
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.store import Find
from gym_llmteacher.teachers.process import ProcessTeacher

ROWS = 3000
LONG = "long " * 2000  # 10 kB each, 30 MB in all


def here(i):
    return Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32))


@pytest.fixture(scope="module", params=["file", "redis"])
def store(request, tmp_path_factory, redis_server):
    if request.param == "file":
        store = open_answers(tmp_path_factory.mktemp("large") / "a.sqlite")
    else:
        redis_server.client.flushall()
        store = open_answers(redis_server.url)
    reply = Reply((LONG,), ((),), 10, 5).as_dict()
    new = (
        Record(f"{i:04d}", f"m{i % 2}", "samples", f"text {i % 10}", [], reply, float(i // 2))
        for i in range(ROWS)
    )
    assert store.insert(new) == ROWS
    yield store
    store.close()


def peak(work):
    """The most memory that Python's objects took, in MB."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return most


def test_going_through_all_of_it_takes_the_memory_of_a_page(store):
    found = []

    def go():
        found.extend(record.key for record in store.records())
        assert sum(1 for _ in records.export(store, Find(model="m1"))) == ROWS // 2
        assert records.prune(store, "nobody") == 0
        assert records.find(store, "29" + "99").key == "2999"

    assert peak(go) < 25  # a page has 500 records, 5 MB as they are and some more as they are read
    assert found == [f"{i:04d}" for i in range(ROWS)]


def test_a_page_is_no_more_than_that(store):
    assert peak(lambda: store.page(most=50)) < 25
    keys = [r.key for r in store.page(Find(model="m1", text="text 7"), skip=5, most=3)]
    assert keys == ["0057", "0067", "0077"]
    keys = [r.key for r in store.page(Find(order="text", newest=True), skip=1, most=2)]
    assert keys == ["2989", "2979"]
    assert [r.key for r in store.page(Find(newest=True), most=3)] == ["2999", "2998", "2997"]
    assert sum(of.answers for of in store.totals()) == ROWS


def test_memory_has_a_limit():
    memory = Bounded(100)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: memory.__setitem__(i, i), range(20_000)))
    assert len(memory) == 100
    again = pickle.loads(pickle.dumps(memory))
    assert (again, again.limit) == (memory, 100)


def test_whatever_grows_with_the_texts_is_bounded():
    teacher = LLMTeacher("openai/fake", ":memory:", offline=True)
    advisor = BackgroundAdvisor(ScriptedTeacher(lambda here: ("a",)))
    env = GroundingWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"))
    grown = [
        teacher._memo, teacher.oracle._failures, advisor._asked, advisor._provisional,
        ProcessTeacher(teacher)._memo, Asker(NewText(), teacher)._seen, env._checked,
    ]  # fmt: skip
    assert all(isinstance(memory, Bounded) for memory in grown)
    advisor._asked.limit = 20
    situations = [here(i) for i in range(60)]
    advisor.wait(situations, 30.0)
    assert len(advisor._asked) == 20
    assert advisor.lookup(situations[-1]).plans == ((("a",), 1.0),)
    advisor.wait(situations[:1], 30.0)  # forgotten, and asked once more
    assert advisor.lookup(situations[0]).plans == ((("a",), 1.0),)
    advisor.close()
