"""An oracle answers anything once; conversations; why there is no advice."""

from dataclasses import replace

import pytest

from gym_llmteacher import (
    Abstention,
    ActionGrounding,
    Advice,
    LLMTeacher,
    LLMTeacherWrapper,
    Oracle,
    Question,
)
from gym_llmteacher.errors import (
    AdviceError,
    NoReplyError,
)
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.track import LEFT, RIGHT, Track, cart


def test_an_oracle_answers_what_is_no_situation_once(tmp_path):
    with FakeLLMServer(lambda body: f"reply {len(body['messages'])}") as server:
        question = Question(({"role": "user", "content": "Which rooms?"},), kind="curriculum")
        first, second = (Oracle(server.model, tmp_path / "a.sqlite") for _ in range(2))
        assert first.lookup(question) is None
        replies = [first.ask(question), second.ask(question), first.lookup(question)]
        assert [r.texts for r in replies] == [("reply 1",)] * 3
        assert [r.stored for r in replies] == [False, True, True]
        assert first.ask(replace(question, kind="reflection")).stored is False
        assert len(server.history) == 2
        assert [record.elicitation for record in first.answers.records()] == [
            "curriculum", "reflection",
        ]  # fmt: skip


def test_a_teacher_and_an_oracle_share_a_budget():
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, budget={"calls": 1})
        teacher.oracle.ask(Question(({"role": "user", "content": "Which rooms?"},)))
        (advice,) = teacher.advise([cart()])
    assert advice.reason is Abstention.OVER_BUDGET


class Doubting(Elicitation):
    """Asks, and asks again about the answer."""

    name = "doubting"

    def question(self, situation):
        return Question(({"role": "user", "content": f"{situation.text} Where to?"},))

    def dialogue(self, situation):
        first = yield self.question(situation)
        (said,) = first.texts
        second = yield Question(({"role": "user", "content": f"You said {said}. Sure?"},))
        return Advice.from_counts({(second.texts[0],): 1.0}, source="model")


def test_a_conversation_asks_again_after_it_has_seen_a_reply(tmp_path):
    def reply(body):
        return LEFT if "You said go right." in body["messages"][0]["content"] else RIGHT

    with FakeLLMServer(reply) as server:
        path = tmp_path / "a.sqlite"
        teacher = LLMTeacher(server.model, path, Doubting())
        told = teacher.explain(cart())
        assert told.advice.plans == (((LEFT,), 1.0),)
        assert [e.reply.texts for e in told.exchanges] == [(RIGHT,), (LEFT,)]
        assert len(server.history) == told.reply.calls == 2
        again = LLMTeacher(server.model, path, Doubting())
        assert again.lookup(cart()).plans == told.advice.plans  # both questions are known
        assert again.lookup(cart("elsewhere")) is None
        assert again.advise([cart()])[0].source == "answers"
        assert len(server.history) == 2


POLICY = '{"error": {"message": "content_policy_violation", "type": "invalid_request_error"}}'
REASONS = {
    "nothing to read": (FakeReply("I would rather not."), Abstention.INVALID_FORMAT),
    "unknown option": (FakeReply("Action: {fly}"), Abstention.UNKNOWN_OPTION),
    "too long": (
        FakeReply("maximum context length is 8 tokens: context window exceeded", status=400),
        Abstention.CONTEXT_LIMIT,
    ),
    "cut off": (
        FakeReply("max_tokens or model output limit was reached", status=400),
        Abstention.TOKEN_LIMIT,
    ),
    "refused": (
        FakeReply(body=POLICY, status=400),
        Abstention.REFUSED,
    ),
    "slow": (FakeReply("late", delay=5.0), Abstention.TIMEOUT),
    "down": (FakeReply("overloaded", status=503), Abstention.SERVER_DOWN),
}


@pytest.mark.parametrize("name", REASONS)
def test_abstentions_say_why(name):
    reply, reason = REASONS[name]
    with FakeLLMServer(reply) as server:
        timeout = 0.3 if name == "slow" else 30.0
        load_litellm()  # takes seconds
        teacher = LLMTeacher(server.model, ":memory:", samples=1, timeout=timeout, max_retries=0)
        (advice,) = teacher.advise([cart()])
    assert advice.reason is reason
    assert teacher.metrics()[f"abstained_{reason.value}"] == 1
    assert teacher.metrics()["abstained"] == 1


def test_abstentions_without_a_request_say_why():
    with FakeLLMServer(FakeReply("no", status=503)) as server:
        offline = LLMTeacher(server.model, ":memory:", offline=True)
        failing = LLMTeacher(server.model, ":memory:", samples=1, max_retries=0, timeout=5.0)
        reasons = [offline.advise([cart()])[0].reason]
        reasons += [failing.advise([cart()])[0].reason for _ in range(2)]
    assert reasons == [Abstention.OFFLINE, Abstention.SERVER_DOWN, Abstention.NOT_ASKED]


def test_the_oracles_errors_carry_the_reason():
    with FakeLLMServer() as server:
        oracle = Oracle(server.model, ":memory:", budget={"calls": 0})
        with pytest.raises(NoReplyError) as raised:
            oracle.ask(Question(({"role": "user", "content": "?"},)))
    assert raised.value.reason is Abstention.OVER_BUDGET


@pytest.mark.parametrize(
    "values", [(float("inf"),), (-0.5, 1.5), (float("nan"),), (1.0, 1.0, 1.0), (0.2, 0.2)]
)
def test_probabilities_that_cannot_be_are_refused_at_construction(values):
    with pytest.raises(AdviceError, match="expected finite ones of 0 or more that sum to 1"):
        Advice(tuple(((f"option {i}",), value) for i, value in enumerate(values)))


def test_an_example_reaches_the_prompt():
    grounding = ActionGrounding(lambda obs: "Here.", [LEFT, RIGHT], "x", example="EXAMPLE OF OURS")
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        env = LLMTeacherWrapper(Track(), LLMTeacher(server.model, ":memory:", samples=1), grounding)
        env.reset()
        assert "EXAMPLE OF OURS" in server.history[-1].body["messages"][0]["content"]
