"""The teacher over real HTTP: asked once, abstaining on trouble, never raising on the way."""

import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest

from gym_llmteacher.errors import AnswersFileError, ModelUnavailableError, TeacherSpecError
from gym_llmteacher.llm.elicitation.scoring import NextSubgoal
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.llm import LLMTeacher
from gym_llmteacher.testing import FakeLLMServer, FakeReply

KEY = "planted-key-0123456789"
OPTIONS = ("explore", "go to key")
GOOD = "It sees a key. Action: {go to key}"


def situation(text="sees key"):
    return Situation(text, OPTIONS, np.eye(2, dtype=np.float32), task="get the key")


def teacher_for(server, answers=":memory:", **kwargs):
    model = {"model": "openai/fake", "api_base": server.url, "api_key": KEY}
    return LLMTeacher(model, answers, **{"max_retries": 0, **kwargs})


def test_a_situation_is_asked_once():
    with FakeLLMServer(FakeReply(texts=(GOOD, GOOD, GOOD, "Action: {explore}"))) as server:
        teacher = teacher_for(server, samples=4)
        first, second, again = teacher.advise([situation(), situation("else"), situation()])
        teacher.advise([situation()] * 5)
        assert len(server.history) == 2
    assert dict(first.plans) == {("go to key",): 0.75, ("explore",): 0.25}
    assert first == again == second
    assert first.confidence == pytest.approx(0.75**2 + 0.25**2)  # the samples' agreement
    assert first.source == "model"
    metrics = teacher.metrics()
    assert metrics.pop("seconds") > 0
    assert metrics == {
        "calls": 2, "hits": 6, "asked": 8, "abstained": 0, "prompt_tokens": 14,
        "completion_tokens": 24, "cost_usd": 0, "failed": 0, "parse_failed": 0, "over_budget": 0,
        "deferred": 0,
    }  # fmt: skip


def test_the_answers_file_outlives_teacher_server_and_key(tmp_path):
    path = tmp_path / "answers.sqlite"
    with FakeLLMServer(GOOD) as server:
        (told,) = teacher_for(server, path).advise([situation()])
    with FakeLLMServer("never asked") as other:
        teacher = LLMTeacher({"model": "openai/fake", "api_base": other.url}, path)
        (known,) = teacher.advise([situation()])
        assert other.history == []
    assert known.plans == told.plans
    assert known.source == "answers"
    assert teacher.metrics()["hits"] == 1
    assert KEY.encode() not in b"".join(p.read_bytes() for p in tmp_path.iterdir())


def test_other_sampling_is_another_question(tmp_path):
    with FakeLLMServer(GOOD) as server:
        for temperature in (0.1, 0.2, 0.1):
            model = {**server.model, "temperature": temperature}
            LLMTeacher(model, tmp_path / "a.sqlite").advise([situation()])
        assert [r.body["temperature"] for r in server.history] == [0.1, 0.2]


def test_what_cannot_be_read_is_stored_and_abstains(tmp_path):
    with FakeLLMServer("I do not know.") as server:
        for _ in range(2):
            teacher = teacher_for(server, tmp_path / "a.sqlite")
            advice = teacher.advise([situation()] * 3)
            assert all(a.abstained and a.confidence == 0 for a in advice)
            assert teacher.metrics()["abstained"] == 3
        assert len(server.history) == 1


def test_failures_are_not_stored_and_asked_ever_more_rarely(tmp_path, caplog):
    with FakeLLMServer(FakeReply("boom", status=500)) as server:
        teacher = teacher_for(server, tmp_path / "a.sqlite")
        advice = teacher.advise([situation()] * 1000)
        # Asked at 1, then after a pause of 32, of 128 and of 512.
        assert len(server.history) == 4
    assert all(a.abstained for a in advice)
    assert len(teacher.answers) == 0
    assert teacher.metrics()["abstained"] == 1000
    assert KEY not in caplog.text
    assert KEY not in "".join(a.source for a in advice)


def test_it_recovers_when_the_server_does():
    with FakeLLMServer([FakeReply("boom", status=500), GOOD]) as server:
        teacher = teacher_for(server)
        advice = teacher.advise([situation()] * 40)
    assert [a.abstained for a in advice] == [True] * 33 + [False] * 7


@pytest.mark.parametrize("status", [400, 401, 404])
def test_even_fatal_trouble_never_raises_while_advising(status, caplog):
    caplog.set_level(logging.INFO)
    with FakeLLMServer(FakeReply(f"bad {KEY}", status=status)) as server:
        (advice,) = teacher_for(server).advise([situation()])
        # A bad request is tried without n, temperature and max_tokens, and without all of them.
        assert len(server.history) == (5 if status == 400 else 1)
    assert advice.abstained
    assert KEY not in advice.source
    assert KEY not in caplog.text


def test_the_probe_raises_once_and_for_all():
    with FakeLLMServer([FakeReply("bad key", status=401), GOOD]) as server:
        teacher = teacher_for(server)
        with pytest.raises(ModelUnavailableError):
            teacher.probe()
        teacher.probe()
        teacher.probe()  # it is known already
        assert len(server.history) == 2
        assert teacher.metrics()["calls"] == 1


def test_the_probe_wants_log_probabilities_where_they_are_needed():
    with FakeLLMServer("A") as server, pytest.raises(ModelUnavailableError, match="log-prob"):
        teacher_for(server, elicitation="logprobs").probe()
    with FakeLLMServer(FakeReply("B", logprobs={"B": 0.75, "A": 0.25})) as server:
        teacher = teacher_for(server, elicitation="logprobs")
        teacher.probe()
        (advice,) = teacher.advise([situation()])
    # It says B in whatever order: it prefers the letter, and has no opinion.
    assert dict(advice.plans) == pytest.approx({("go to key",): 0.5, ("explore",): 0.5})


def test_offline_only_reads(tmp_path):
    path = tmp_path / "a.sqlite"
    with FakeLLMServer(GOOD) as server:
        teacher_for(server, path).advise([situation()])
        teacher = teacher_for(server, path, offline=True)
        teacher.probe()
        known, unknown = teacher.advise([situation(), situation("else")])
        assert len(server.history) == 1
    assert not known.abstained
    assert "offline" in unknown.source


def test_explain_shows_everything():
    with FakeLLMServer(GOOD) as server:
        told = teacher_for(server, samples=2, task="find gold").explain(situation())
    assert told.text == "sees key"
    assert told.model == "openai/fake"
    assert told.reply.texts == (GOOD, GOOD)
    assert "find gold" in told.exchanges[0].question.messages[-1]["content"]
    assert told.advice.plans == ((("go to key",), 1.0),)
    assert (told.reply.prompt_tokens, told.reply.completion_tokens) == (7, 6)


def test_explain_shows_trouble_too():
    with FakeLLMServer(FakeReply("boom", status=500)) as server:
        told = teacher_for(server).explain(situation())
    assert "boom" in told.advice.source
    assert told.exchanges[0].question.messages
    assert told.reply.texts == ()


def test_a_pickled_teacher_works_and_counts_for_itself(tmp_path):
    with FakeLLMServer(GOOD) as server:
        teacher = teacher_for(server, tmp_path / "a.sqlite")
        teacher.advise([situation()])
        copy = pickle.loads(pickle.dumps(teacher))
        copy.advise([situation(), situation("else")])
        assert len(server.history) == 2
    assert copy.metrics()["calls"] == 1


def test_no_options_abstains():
    nothing = Situation("void", (), np.zeros((0, 2), dtype=np.float32))
    with FakeLLMServer() as server:
        assert teacher_for(server).advise([nothing])[0].abstained
        assert server.history == []


def test_bad_arguments_raise_at_construction(tmp_path):
    broken = tmp_path / "a.sqlite"
    broken.write_bytes(b"not a database")
    with pytest.raises(AnswersFileError):
        LLMTeacher("openai/fake", broken)
    for model in ("", {}, {"model": 3}, {"api_base": "http://127.0.0.1"}):
        with pytest.raises(ModelUnavailableError):
            LLMTeacher(model, ":memory:")
    for model in ({"model": "openai/fake", "num_retries": 5}, {"model": "openai/fake", "tmie": 5}):
        with pytest.raises(TeacherSpecError):
            LLMTeacher(model, ":memory:")
    with pytest.raises(TeacherSpecError, match="scores"):
        LLMTeacher("openai/fake", ":memory:", elicitation=NextSubgoal())


def test_importing_and_constructing_loads_no_litellm():
    code = (
        "import sys, gym_llmteacher.teachers.llm as t, gym_llmteacher.llm.client;"
        "t.LLMTeacher(answers=':memory:').probe();"
        "print([m for m in ('litellm', 'openai', 'torch') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.strip() == "[]"
