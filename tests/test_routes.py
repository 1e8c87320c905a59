"""Models people have, behind servers as strict as theirs: each teaches with default settings."""

from collections import Counter

import pytest

from tests.routes import ROUTES
from tests.strict_servers import Route, StrictServer, taught


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    for name in ("OPENAI", "ANTHROPIC", "GEMINI", "GROQ", "DEEPSEEK", "MISTRAL", "OPENROUTER"):
        monkeypatch.setenv(f"{name}_API_KEY", "none")


@pytest.mark.parametrize("name", ROUTES)
def test_it_constructs_and_teaches(name, tmp_path):
    path = tmp_path / "answers.sqlite"
    with StrictServer(ROUTES[name]) as server:
        weight, teacher = taught(server, path)
        assert weight >= 0.9
        # A server error without a reason may pass: only a second one says something.
        again = Counter(m for status, m in server.refusals if status != 500 and "limit" not in m)
        assert max(again.values(), default=1) == 1, again
        # No empty reply was paid for; where the name says nothing, one per order, on one's own GPU.
        assert server.empty == (2 if name == "lm studio" else 0)
        totals = teacher.metrics()
        assert totals["failed"] == totals["abstained"] == 0
        assert totals["completion_tokens"] == server.tokens
        # What was learned is in the store: the next process is refused nothing.
        refused, empty = len(server.refusals), server.empty
        other, _ = taught(server, path, task="open the door with its key")
        assert other >= 0.9
        assert (len(server.refusals), server.empty) == (refused, empty)


@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "gpt-5", "llama.cpp", "gemini-3-pro"])
@pytest.mark.parametrize("elicitation", ["samples", "weights", "structured", "branches"])
def test_every_way_of_asking_passes(name, elicitation, tmp_path):
    with StrictServer(ROUTES[name]) as server:
        weight, teacher = taught(server, tmp_path / "a.sqlite", elicitation=elicitation, steps=5)
        assert teacher.metrics()["failed"] == 0
        assert weight >= 0.9 or elicitation == "weights"


def test_a_model_that_thinks_for_1400_tokens_is_paid_as_the_server_counts(tmp_path):
    route = Route("openai/mystery", thinks=1400, tagged=True, options={
        "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6})  # fmt: skip
    with StrictServer(route) as server:
        weight, teacher = taught(server, tmp_path / "a.sqlite", elicitation="samples", samples=4)
        totals = teacher.metrics()
        spent = teacher.oracle.budget.spent
    assert weight >= 0.9
    assert totals["completion_tokens"] == server.tokens
    assert totals["rejected_token_limit"] == server.empty == 4  # 1,024 tokens were too few, once
    requests = len(server.bodies)
    assert totals["cost_usd"] == pytest.approx(50e-6 * requests + 2e-6 * server.tokens)
    assert (spent.calls, spent.tokens) == (requests, 50 * requests + server.tokens)


def test_the_limit_of_the_user_is_kept_and_named(tmp_path, caplog):
    route = Route("openai/mystery", thinks=1400, tagged=True, options={"max_tokens": 500})
    with StrictServer(route) as server:
        weight, _ = taught(server, tmp_path / "a.sqlite")
        assert {body["max_tokens"] for body in server.bodies} == {500}
    assert weight == 0
    assert "cut off at 500 tokens; raise max_tokens or turn thinking off" in caplog.text
