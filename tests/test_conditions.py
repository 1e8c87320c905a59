"""Conditions by themselves, and one at work: what each decides, is shown and is told."""

import numpy as np
import pytest

from gym_llmteacher import (
    Abstention,
    Advice,
    AtReset,
    BudgetLeft,
    Condition,
    EveryNSteps,
    NewText,
    ScriptedTeacher,
    Situation,
    StudentUncertain,
    WithProbability,
)
from gym_llmteacher.advising.asker import Asker, saved_questions
from gym_llmteacher.advising.conditions import Moment, Outcome
from gym_llmteacher.errors import ConditionError

ACTIONS = np.eye(2, dtype=np.float32)
SAYS_A, SAYS_B = Advice(((("a",), 1.0),)), Advice(((("b",), 1.0),))
SCRIPT = ScriptedTeacher(lambda here: ("a",))


def at(text, options=("a", "b"), actions=ACTIONS, obs=None):
    return Situation(text, options, np.asarray(actions, np.float32), obs=obs)


class Noting(Condition):
    """Asks always, and notes what it is shown and told."""

    name = "noting"

    def __init__(self, asks=True):
        self.asks, self.moments, self.outcomes = asks, [], []

    def holds(self, moment):
        self.moments.append(moment)
        return self.asks

    def hear(self, outcome):
        self.outcomes.append(outcome)


def moment(**changes):
    values = {"situation": at("x"), "obs": None, "step": 3, "seen": True, "finished": False}
    return Moment(**{**values, "teacher": SCRIPT, **changes})


@pytest.mark.parametrize(
    ("ask", "step", "seen", "holds"),
    [
        (AtReset() | NewText(), 0, True, True),
        (AtReset() | NewText(), 3, False, True),
        (AtReset() | NewText(), 3, True, False),
        (AtReset() & NewText(), 0, True, False),
        (AtReset() & NewText(), 0, False, True),
        (EveryNSteps(1), 7, True, True),
        (EveryNSteps(2), 7, True, False),
        (WithProbability(1.0), 7, True, True),
        (WithProbability(0.0), 7, True, False),
    ],
)
def test_whether_a_condition_holds(ask, step, seen, holds):
    assert ask.holds(moment(step=step, seen=seen)) is holds


def test_a_budget_is_left_until_nothing_is():
    class Spent(ScriptedTeacher):
        left = 0.0

        def budget_left(self):
            return self.left

    teacher = Spent(lambda here: ("a",))
    assert not BudgetLeft().holds(moment(teacher=teacher))
    teacher.left = 0.01
    assert BudgetLeft().holds(moment(teacher=teacher))
    assert not BudgetLeft(0.01).holds(moment(teacher=teacher))  # more than the share


def test_chance_is_seeded_with_0_and_a_student_is_uncertain_above_one_half():
    def draws(condition):
        return [condition.holds(moment()) for _ in range(64)]

    assert draws(WithProbability(0.5)) == draws(WithProbability(0.5, seed=0))
    assert StudentUncertain().threshold == 0.5


@pytest.mark.parametrize("make", [WithProbability, BudgetLeft, StudentUncertain])
@pytest.mark.parametrize("share", [-0.1, 1.1, "1"])
def test_what_is_no_share_is_refused_by_name(make, share):
    message = rf"^{make.__name__} got {share!r}, expected a number in \[0, 1\]"
    with pytest.raises(ConditionError, match=message):
        make(share)


def test_a_condition_is_told_of_which_env_and_whether_it_was_asked():
    heard = Noting()
    asker = Asker(heard, SCRIPT, env=3)
    asker.hear(0.5, False)
    assert asker.asks(at("x"), 7, known=False) is True
    asker.settled(SAYS_A, at("x"))
    asker.hear(1.5, False)
    assert asker.asks(at("y"), 8, known=True) is False  # there is nothing to be decided
    asker.settled(None, at("y"))
    asker.hear(2.5, True)
    assert heard.outcomes == [
        Outcome(3, asked=False, changed=False, reward=0.5, over=False),
        Outcome(3, asked=True, changed=True, reward=1.5, over=False),
        Outcome(3, asked=False, changed=False, reward=2.5, over=True),
    ]
    (seen,) = heard.moments
    assert (seen.env, seen.obs, seen.step, seen.seen, seen.finished) == (3, 7, 0, False, True)
    asker.reset()
    asker.hear(0.0, False)
    assert heard.outcomes[-1] == Outcome(3, asked=False, changed=False, reward=0.0, over=False)
    assert Asker(heard, SCRIPT).env == 0


def test_the_most_likely_plan_is_the_one_that_is_followed():
    heard = Noting()
    asker = Asker(heard, SCRIPT)
    asker.settled(Advice(((("b",), 0.3), (("a",), 0.7))), at("x"))
    asker.asks(at("only a", actions=[[1, 0], [0, 0]]), None, known=False)
    asker.asks(at("only b", actions=[[0, 0], [0, 1]]), None, known=False)
    asker.asks(at("no a", options=("b", "c")), None, known=False)
    assert [seen.finished for seen in heard.moments] == [False, True, True]


def test_what_counts_where_there_is_no_advice():
    asker = Asker(Noting(), SCRIPT)
    nothing = asker.settled(None, at("x"))
    assert (nothing.abstained, nothing.reason) == (True, Abstention.NOT_ASKED)
    down = Advice.abstain("no answer", Abstention.SERVER_DOWN)
    assert asker.settled(down, at("x")) is down
    asker.settled(SAYS_B, at("x"))
    assert asker.settled(down, at("x")) is SAYS_B
    assert asker.settled(None, at("x")) is SAYS_B


def test_savings_of_conditions_of_one_name_add_up():
    ask = Noting(asks=False) | Noting(asks=False)
    Asker(ask, SCRIPT).asks(at("x"), None, known=False)
    assert saved_questions(ask) == {"saved_noting": 2.0}
    assert saved_questions(None) == {}
