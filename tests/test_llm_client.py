"""The client over real HTTP: how often it asks, what it raises, what it never shows."""

import json
import logging
import pickle

import pytest

from gym_llmteacher.errors import CallFailedError, ModelUnavailableError
from gym_llmteacher.llm.client import Client
from gym_llmteacher.testing import FakeLLMServer, FakeReply

KEY = "planted-key-0123456789"
HELLO = [{"role": "user", "content": "hello"}]


def client_for(server, waits=None, **kwargs):
    options = {"api_base": server.url, "api_key": KEY}
    waits = [] if waits is None else waits
    return Client("openai/fake", options, timeout=20, sleep=waits.append, **kwargs)


def test_a_reply_carries_texts_tokens_and_model():
    with FakeLLMServer(FakeReply(texts=("a", "b", "c"))) as server:
        reply = client_for(server).ask(HELLO, n=3, temperature=0.7)
    assert reply.texts == ("a", "b", "c")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.calls) == (7, 9, 1)
    assert reply.cost_usd == 0.0
    assert reply.seconds > 0
    (request,) = server.history
    assert request.body["n"] == 3
    assert request.body["temperature"] == 0.7
    assert request.path == "/v1/chat/completions"


def test_a_server_that_ignores_n_is_asked_once_per_sample():
    with FakeLLMServer(["a", "b", "c", "d"], honours_n=False) as server:
        client = client_for(server)
        # The rest is asked for side by side, so its order is not known.
        assert sorted(client.ask(HELLO, n=4).texts) == ["a", "b", "c", "d"]
        assert [r.body.get("n") for r in server.history] == [4, None, None, None]
        client.ask(HELLO, n=2)
        assert [r.body.get("n") for r in server.history[4:]] == [None, None]


@pytest.mark.parametrize(
    "trouble",
    [
        FakeReply("boom", status=500),
        FakeReply("overloaded", status=503),
        FakeReply("slow down", status=429),
        FakeReply(body='{"choices": [{"message": {"con'),
        FakeReply(body="{}"),
        FakeReply(body="<html>gateway</html>"),
    ],
    ids=["500", "503", "429", "truncated", "empty", "html"],
)
def test_trouble_that_may_pass_is_retried_a_bounded_number_of_times(trouble):
    waits = []
    with FakeLLMServer([trouble, trouble, "fine"]) as server:
        assert client_for(server, waits).ask(HELLO).texts == ("fine",)
        assert len(server.history) == 3
    first, second = waits
    assert 0.5 <= first <= 1.5
    assert 1.0 <= second <= 3.0
    with FakeLLMServer(trouble) as server:
        with pytest.raises(CallFailedError, match="openai/fake did not answer"):
            client_for(server, max_retries=2).ask(HELLO)
        assert len(server.history) == 3


def test_retry_after_is_honoured():
    waits = []
    busy = FakeReply("slow down", status=429, headers={"Retry-After": "0.25"})
    with FakeLLMServer([busy, "fine"]) as server:
        client_for(server, waits).ask(HELLO)
    assert len(waits) == 1
    assert 0.25 <= waits[0] <= 0.5  # never earlier; jitter, or all would come at once


def test_a_server_that_asks_for_an_hour_is_not_waited_for():
    waits = []
    busy = FakeReply("quota", status=429, headers={"Retry-After": "3600"})
    with FakeLLMServer(busy) as server:
        with pytest.raises(CallFailedError):
            client_for(server, waits).ask(HELLO)
        assert len(server.history) == 1
    assert waits == []


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_fatal_trouble_is_not_retried_and_hides_the_key(status, caplog):
    caplog.set_level(logging.DEBUG)
    reply = FakeReply(f"Incorrect API key provided: {KEY}.", status=status)
    with FakeLLMServer(reply) as server:
        with pytest.raises(ModelUnavailableError) as raised:
            client_for(server).ask(HELLO)
        assert len(server.history) == 1
        assert KEY in server.history[0].headers["Authorization"]
    message = str(raised.value)
    assert KEY not in message
    assert all(word in message for word in ("openai/fake", "got", "xpected", "Cure"))
    assert raised.value.__cause__ is None
    # At DEBUG, litellm and the provider's client log whole responses; that is not ours to stop.
    shown = [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.INFO or record.name.startswith("gym_llmteacher")
    ]
    assert not [message for message in shown if KEY in message]


@pytest.mark.parametrize(
    "error",
    [
        {"message": "This model's maximum context length is 10 tokens."},
        {"message": "request (9 tokens) exceeds the available context size (4 tokens)"},
        {"message": "content_policy_violation", "type": "invalid_request_error"},
    ],
    ids=["context", "llama.cpp", "policy"],
)
def test_a_refused_question_does_not_condemn_the_model(error):
    body = json.dumps({"error": error})
    with FakeLLMServer(FakeReply(body=body, status=400)) as server:
        with pytest.raises(CallFailedError, match="refused this question"):
            client_for(server).ask(HELLO)
        assert len(server.history) == 1


def test_a_timeout_is_a_failed_call():
    with FakeLLMServer(FakeReply("late", delay=30)) as server:
        client = client_for(server, max_retries=0)
        client.timeout = 0.1
        with pytest.raises(CallFailedError, match="Timeout"):
            client.ask(HELLO)


def test_a_key_from_the_environment_is_hidden_too(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "environment-key-987654")
    reply = FakeReply("bad key environment-key-987654", status=401)
    with FakeLLMServer(reply) as server, pytest.raises(ModelUnavailableError) as raised:
        Client("openai/fake", {"api_base": server.url}).ask(HELLO)
    assert "environment-key" not in str(raised.value)


def test_a_key_echoed_by_the_server_is_not_kept():
    with FakeLLMServer(f"you sent {KEY}") as server:
        assert client_for(server).ask(HELLO).texts == ("you sent ***",)


def test_a_missing_key_is_fatal_and_named(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelUnavailableError, match="OPENAI_API_KEY"):
        Client("openai/gpt-4o-mini").ask(HELLO)


@pytest.mark.parametrize("model", ["nonsense", "no-such-provider/model"])
def test_a_model_litellm_cannot_route_is_fatal(model):
    with pytest.raises(ModelUnavailableError, match=r"provider/model"):
        Client(model).ask(HELLO)


def test_log_probabilities_of_the_first_token():
    with FakeLLMServer(FakeReply("A", logprobs={"A": 0.75, "B": 0.25})) as server:
        reply = client_for(server).ask(HELLO, logprobs=True, top_logprobs=5)
    assert [token for token, _ in reply.logprobs[0]] == ["A", "B"]


def test_a_client_can_be_pickled_after_use():
    with FakeLLMServer("ok") as server:
        client = Client("openai/fake", {"api_base": server.url, "api_key": KEY})
        client.ask(HELLO)
        assert pickle.loads(pickle.dumps(client)).ask(HELLO).texts == ("ok",)
