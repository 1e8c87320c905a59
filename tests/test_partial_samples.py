"""A question of several requests that breaks off half-way: what came is kept, and used."""

import numpy as np

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.llm.pause import Pause
from gym_llmteacher.testing import FakeLLMServer, FakeReply

HERE = Situation("here", ("a", "b"), np.eye(2, dtype=np.float32), task="go")


def teacher_for(server, path, **arguments):
    return LLMTeacher(server.model, path, "samples", concurrency=1, max_retries=0, **arguments)


def one_by_one(trouble):
    """Ignores ``n``; from the eighth request on, while ``trouble`` says so, is out of quota."""

    def answer(body):
        if trouble["from"] <= len(server.history):
            return FakeReply("quota", status=429, headers={"Retry-After": "3600"})
        return "Action: {a}" if len(server.history) % 2 else "Action: {b}"

    server = FakeLLMServer(answer, honours_n=False)
    return server


def test_what_came_is_used_and_the_rest_asked_for_later(tmp_path):
    path, trouble = tmp_path / "answers.sqlite", {"from": 8}
    with one_by_one(trouble) as server:
        teacher = teacher_for(server, path, samples=10)
        (advice,) = teacher.advise([HERE])
        assert len(server.history) == 8
        assert dict(advice.plans)[("a",)] == 4 / 7
        totals = teacher.metrics()
        assert (totals["calls"], totals["failed"]) == (7, 1)
        (record,) = teacher.answers.records()
        assert (len(record.texts), record.reply["missing"]) == (7, 3)
        # Somebody else, later: only the three that are missing are asked for.
        trouble["from"] = 10_000
        other = teacher_for(server, path, samples=10)
        (whole,) = other.advise([HERE])
        assert len(server.history) == 11
        assert other.metrics()["calls"] == 3
        (record,) = other.answers.records()
        assert (len(record.texts), record.reply["missing"]) == (10, 0)
        assert record.reply["calls"] == 10
        assert sum(p for _, p in whole.plans) == 1
        # Whole now: nobody asks again.
        teacher_for(server, path, samples=10).advise([HERE])
        assert len(server.history) == 11


def test_a_budget_that_ends_half_way_keeps_what_it_bought(tmp_path):
    with one_by_one({"from": 10_000}) as server:
        teacher = teacher_for(server, tmp_path / "a.sqlite", samples=10, budget={"calls": 4})
        (advice,) = teacher.advise([HERE])
        assert len(server.history) == 4
        assert dict(advice.plans)[("a",)] == 0.5
        assert teacher.metrics()["over_budget"] == 1
        # Offline, or while asking again would be in vain, what there is serves.
        offline = teacher_for(server, tmp_path / "a.sqlite", samples=10, offline=True)
        assert offline.advise([HERE])[0].plans == advice.plans
        assert len(server.history) == 4


def test_waiting_for_the_next_attempt_does_not_hide_what_there_is(tmp_path):
    with one_by_one({"from": 3}) as server:
        teacher = teacher_for(server, tmp_path / "a.sqlite", samples=10)
        question = teacher.question(HERE)
        first = teacher.oracle.ask(question)
        assert (len(first.texts), first.missing) == (2, 8)
        for _ in range(32):  # as many requests are not made after a first failure
            assert teacher.oracle.ask(question).texts == first.texts
        assert len(server.history) == 3
        assert not Pause().left
        teacher.oracle.ask(question)
        assert len(server.history) == 4


def test_a_key_that_is_withdrawn_half_way_is_waited_for_too(tmp_path):
    def answer(body):
        if len(server.history) > 2:
            return FakeReply("who are you?", status=401)
        return "Action: {a}"

    with FakeLLMServer(answer, honours_n=False) as server:
        teacher = teacher_for(server, tmp_path / "a.sqlite", samples=10)
        question = teacher.question(HERE)
        first = teacher.oracle.ask(question)
        assert (len(first.texts), first.missing) == (2, 8)
        for _ in range(32):
            assert teacher.oracle.ask(question).texts == first.texts
        assert len(server.history) == 3
        assert teacher.metrics()["failed"] == 1
