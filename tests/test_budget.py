"""Budgets hold exactly: over threads, over processes, before the request and not after it."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gym_llmteacher import Abstention, LLMTeacher, Situation
from gym_llmteacher.errors import AnswersFileError, NotAskedError, TeacherSpecError
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.llm.budget import Budget, BudgetSpentError, Limits, Taken
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.store import Spend
from gym_llmteacher.testing import FakeLLMServer, FakeReply

GOOD = "Action: {a}"
ROWS = np.eye(2, dtype=np.float32)


def situations(n):
    return [Situation(f"text {i}", ("a", "b"), ROWS) for i in range(n)]


def teacher_for(server, answers=":memory:", **kwargs):
    return LLMTeacher(server.model, answers, **{"samples": 1, "max_retries": 0, **kwargs})


def test_exactly_n_calls_with_sixteen_askers():
    with FakeLLMServer(FakeReply(GOOD, delay=0.01)) as server, ThreadPoolExecutor(16) as pool:
        teacher = teacher_for(server, budget={"calls": 37})
        advices = list(pool.map(lambda s: teacher.advise([s])[0], situations(200)))
        assert len(server.history) == 37
    assert sum(not advice.abstained for advice in advices) == 37
    assert teacher.oracle.budget.spent.calls == 37


def test_the_message_says_scope_spent_limit_and_what_follows(caplog):
    with FakeLLMServer(GOOD) as server:
        teacher = teacher_for(server, budget={"calls": 2})
        *_, third, fourth = teacher.advise(situations(4))
    for part in ("answers file :memory:'s budget", "2 calls spent of 2", "it was not made",
                 "abstains", "Raise the limit"):  # fmt: skip
        assert part in third.source
    assert third.abstained
    assert fourth.abstained
    assert len(caplog.records) == 1  # told once, not at every step


def test_known_answers_cost_nothing():
    with FakeLLMServer(GOOD) as server:
        teacher = teacher_for(server, budget={"calls": 1})
        (here,) = situations(1)
        assert not any(advice.abstained for advice in teacher.advise([here] * 10))


def test_failed_requests_count():
    with FakeLLMServer(FakeReply("down", status=500)) as server:
        teacher = teacher_for(server, budget={"calls": 3}, max_retries=10)
        teacher.oracle.client.sleep = lambda seconds: None
        assert teacher.advise(situations(1))[0].abstained
        assert len(server.history) == 3


def test_tokens_are_checked_before_and_settled_after():
    with FakeLLMServer(GOOD) as server:
        model = {**server.model, "max_tokens": 20}
        teacher = LLMTeacher(model, ":memory:", samples=1, budget={"tokens": 1000})
        advices = teacher.advise(situations(200))
    answered = sum(not advice.abstained for advice in advices)
    # The server counts 10 for each.
    assert teacher.oracle.budget.spent.tokens == 10 * answered <= 1000
    # What a request may take at most is estimated from its length, so some is left at the end.
    assert 40 < answered < 100


def test_dollars():
    budget = Budget(process_limits=Limits(usd=1.0))
    taken = budget.take(Spend(1, 10, 0.6))
    with pytest.raises(BudgetSpentError, match=r"0.6 US dollars spent of 1; .* may take 0.6"):
        budget.take(Spend(1, 10, 0.6))
    budget.settle(taken, Spend(1, 10, 0.1))
    budget.take(Spend(1, 10, 0.6))
    assert budget.spent.usd == pytest.approx(0.7)


def test_a_budget_is_shared_by_processes_and_outlives_them(tmp_path):
    path = tmp_path / "answers.sqlite"
    code = """
        import sys, numpy as np
        from gym_llmteacher import Abstention, LLMTeacher, Situation
        url, path, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
        model = {"model": "openai/fake", "api_base": url, "api_key": "none"}
        teacher = LLMTeacher(model, path, samples=1, budget={"calls": 25})
        rows = np.eye(2, dtype=np.float32)
        here = [Situation(f"text {i}", ("a", "b"), rows) for i in range(first, first + 20)]
        print(sum(not advice.abstained for advice in teacher.advise(here)))
    """
    with FakeLLMServer(GOOD) as server:
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(code), server.url, str(path), str(100 * i)],
                stdout=subprocess.PIPE, text=True,
            )
            for i in range(3)
        ]  # fmt: skip
        answered = [int(run.communicate(timeout=120)[0].split()[-1]) for run in runs]
        assert [run.returncode for run in runs] == [0, 0, 0]
        assert len(server.history) == sum(answered) == 25
    assert Answers(path).spent().calls == 25
    with FakeLLMServer(GOOD) as server:
        (advice,) = teacher_for(server, path, budget={"calls": 25}).advise(situations(1))
        known = len(server.history)
    assert known == 0
    assert advice.source in ("answers",) or f"{path}'s budget" in advice.source


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"calls": -1}, "the budget's calls is -1, expected a number of 0 or more"),
        ({"usd": float("nan")}, "the budget's usd is nan"),
        ({"dollars": 3}, "a budget has dollars, expected some of calls, tokens, usd"),
    ],
)
def test_bad_budgets(budget, message):
    with pytest.raises(TeacherSpecError, match=message):
        LLMTeacher(answers=":memory:", budget=budget)


def test_a_limit_of_nothing_and_limits_far_below_one():
    assert Budget().left() == 1.0
    assert Budget(process_limits={"calls": 0}).left() == 0.0
    with pytest.raises(BudgetSpentError, match="this process's budget: 0 calls spent of 0"):
        Budget(process_limits={"calls": 0}).take(Spend(1))
    cents = Budget(process_limits={"usd": 0.04})
    cents.take(Spend(1, 10, 0.01))
    assert cents.left() == pytest.approx(0.75)
    cents.take(Spend(1, 10, 0.03))
    assert cents.left() == 0.0


def test_the_tightest_limit_counts():
    budget = Budget(process_limits=Limits(calls=10, tokens=100, usd=10.0))
    budget.take(Spend(1, 60, 5.0))
    assert budget.left() == pytest.approx(0.4)
    with pytest.raises(BudgetSpentError, match=r"60 tokens spent of 100; .* may take 41"):
        budget.take(Spend(1, 41, 1.0))
    budget.take(Spend(1, 40, 1.0))  # to the last token


def test_the_store_is_taken_from_and_given_back_to():
    keeper = Keeper(Answers(":memory:"))
    budget = Budget({"calls": 4, "tokens": 100}, {"calls": 10}, keeper)
    first = budget.take(Spend(1, 50))
    assert (budget.left(), keeper.store.spent()) == (0.5, Spend(1, 50))
    budget.settle(first, Spend(1, 20))
    assert (budget.left(), keeper.store.spent()) == (0.75, Spend(1, 20))
    second = budget.take(Spend(1, 80))
    with pytest.raises(BudgetSpentError, match="answers file :memory:'s budget: 100 tokens spent"):
        budget.take(Spend(1, 1))
    # What the store refuses is not set aside here either.
    assert (budget.spent, budget.left()) == (Spend(2, 100), 0.0)
    budget.settle(second, Spend(1, 0))
    assert (budget.spent, keeper.store.spent()) == (Spend(2, 20), Spend(2, 20))
    # The limits of this object hold beside those of the store.
    own = Budget({"calls": 100}, {"calls": 1}, keeper)
    own.take(Spend(1))
    assert own.left() == 0.0
    with pytest.raises(BudgetSpentError, match="this process's budget: 1 calls spent of 1"):
        own.take(Spend(1))
    assert keeper.store.spent() == Spend(3, 20)


def test_a_store_that_cannot_be_asked_has_nothing_left_of_its_limits():
    class Away(Answers):
        def spent(self):
            raise AnswersFileError("it is away")

    keeper = Keeper(Away(":memory:"))
    assert Budget({"calls": 4}, {"calls": 10}, keeper).left() == 0.0
    assert Budget(None, {"calls": 10}, keeper).left() == 1.0  # without limits nobody asks it


def test_what_cannot_be_set_aside_is_not_spent():
    class Refusing(Answers):
        trouble = None

        def reserve(self, *args):
            if self.trouble:
                raise self.trouble
            # Else None: another process was faster, and has given back since.

    keeper = Keeper(Refusing(":memory:"))
    budget = Budget({"calls": 4}, None, keeper)
    with pytest.raises(BudgetSpentError, match="answers file :memory:'s budget is spent; the req"):
        budget.take(Spend(1))
    keeper.store.trouble = AnswersFileError("it is away")
    with pytest.raises(NotAskedError, match="the budget cannot be looked up: it is away") as raised:
        budget.take(Spend(1))
    assert raised.value.reason is Abstention.OVER_BUDGET
    assert budget.spent == Spend()
    assert Budget().take(Spend(1)) == Taken(Spend(1), "")


def test_where_there_are_no_limits_nobody_waits_long_for_the_books():
    waited = []

    class Patient(Keeper):
        def reserve(self, amount, limits, seconds):
            waited.append((limits, seconds))
            return super().reserve(amount, limits, seconds)

    keeper, inf = Patient(Answers(":memory:")), float("inf")
    for budget in (Budget({"tokens": 9}, None, keeper), Budget(None, {"calls": 9}, keeper)):
        for seconds in (3.0, 0.25):
            budget.take(Spend(1), seconds)
    no = (inf, inf, inf)
    assert waited == [((inf, 9, inf), 3.0), ((inf, 9, inf), 0.25), (no, 0.5), (no, 0.25)]


def test_limits_need_a_store_and_are_numbers():
    with pytest.raises(TeacherSpecError, match=r"without a store; expected keeper="):
        Budget({"calls": 1})
    for bad in ("3", True, None, float("nan"), -0.5):
        with pytest.raises(TeacherSpecError, match=f"the budget's tokens is {bad!r}, expected"):
            Limits(tokens=bad)


@pytest.mark.parametrize(
    ("reported", "counts"),
    [
        (Spend(1, 40, 0.004), Spend(1, 40, 0.004)),
        (Spend(1, 5000, 0.004), Spend(1, 5000, 0.004)),  # a wrong estimate, by 100 times
        (Spend(1, 5001, 0.004), Spend(1, 50, 0.005)),
        (Spend(1, 40, 0.5), Spend(1, 40, 0.5)),
        (Spend(1, 40, 0.6), Spend(1, 50, 0.005)),
        (Spend(1, -40, 0.004), Spend(1, 50, 0.005)),
        (Spend(1, 40, float("nan")), Spend(1, 50, 0.005)),
    ],
)
def test_what_a_server_cannot_have_taken_is_not_believed(reported, counts, caplog):
    budget = Budget()
    for n in (1, 2):
        budget.settle(budget.take(Spend(1, 50, 0.005)), reported)
        assert budget.spent.tokens == n * counts.tokens
        assert budget.spent.usd == pytest.approx(n * counts.usd)
        assert budget.spent.calls == n
    told = [record.getMessage() for record in caplog.records]
    if counts == reported:
        assert told == []
    else:
        (message,) = told  # once
        assert f"{reported.tokens!r} tokens and {reported.usd!r} US dollars" in message
        assert "at most 50 and 0.005 were" in message


def test_where_nothing_was_to_be_paid_a_price_is_believed():
    budget = Budget()
    budget.settle(budget.take(Spend(1, 50, 0.0)), Spend(1, 40, 0.5))
    assert budget.spent == Spend(1, 40, 0.5)
