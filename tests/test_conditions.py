"""Conditions of one name, budgets to the last cent, another teacher for the same conditions."""

from gym_llmteacher import BudgetLeft, ScriptedTeacher
from gym_llmteacher.advising.adviser import Adviser
from gym_llmteacher.advising.asker import Asker, saved_questions
from gym_llmteacher.advising.conditions import Moment
from tests.noting import HERE, Noting


class Spending(ScriptedTeacher):
    left = 0.0

    def budget_left(self):
        return self.left


def test_savings_of_conditions_of_one_name_add_up():
    ask = Noting(asks=False) | Noting(asks=False)
    Asker(ask, ScriptedTeacher(lambda here: ("a",))).asks(HERE, None, known=False)
    assert saved_questions(ask) == {"saved_noting": 2.0}
    assert saved_questions(None) == {}


def test_a_budget_is_left_until_nothing_is():
    teacher = Spending(lambda here: ("a",))
    moment = Moment(HERE, None, 3, True, False, teacher)
    assert not BudgetLeft().holds(moment)
    teacher.left = 0.01
    assert BudgetLeft().holds(moment)
    assert not BudgetLeft(0.01).holds(moment)  # more than the share


def test_conditions_and_questions_go_to_another_teacher():
    ask = Noting()
    adviser = Adviser(ScriptedTeacher(lambda here: ("a",)), (2,), 2, ask=ask, smoothing=0.0)
    assert adviser.advise((HERE,), obs=None, env=1).prior.tolist() == [1.0, 0.0]
    other = ScriptedTeacher(lambda here: ("b",))
    adviser.use(other)
    assert adviser.advise((HERE,), obs=None, env=1).prior.tolist() == [0.0, 1.0]
    assert [moment.teacher is other for moment in ask.moments] == [False, True]


def test_another_teacher_is_asked_in_the_background_as_well():
    adviser = Adviser(ScriptedTeacher(lambda here: ("a",)), (2,), workers=3, smoothing=0.0)
    adviser.use(ScriptedTeacher(lambda here: ("b",)))
    assert adviser.background.workers == 3
    pending = {0: adviser.advise((HERE,), obs=None).pending}
    late = [prior for _, prior, _ in adviser.late(pending, 20.0)] if pending[0] else []
    priors = late or [adviser.advise((HERE,), obs=None).prior]
    assert priors[0].tolist() == [0.0, 1.0]
    adviser.close()
