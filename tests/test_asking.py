"""The adviser itself: what it says when, what it counts, and what conditions hear of it."""

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
    Teacher,
    WithProbability,
)
from gym_llmteacher.advising.adviser import Adviser
from gym_llmteacher.advising.asker import Asker
from gym_llmteacher.advising.conditions import Moment, Outcome
from gym_llmteacher.advising.observations import of_env
from gym_llmteacher.errors import ConditionError, TeacherSpecError
from gym_llmteacher.prior import Pending

ROWS = np.eye(2, dtype=np.float32)
A, B = (Advice(((plan, 1.0),)) for plan in (("a",), ("b",)))


def situation(text="here", rows=ROWS, options=("a", "b")):
    return Situation(text, options, rows)


class Says(Teacher):
    """Says ``a``."""

    reads_observations = False

    def __init__(self):
        self.asked, self.closed = [], False

    def advise(self, situations):
        self.asked += situations
        return [A] * len(situations)

    def metrics(self):
        return {"calls": float(len(self.asked))}

    def close(self):
        self.closed = True


def test_by_default_one_env_waits_for_every_answer_and_a_fiftieth_is_spread():
    teacher = Says()
    adviser = Adviser(teacher, (2,))
    taught = adviser.advise((situation(),), obs=None)
    assert taught.prior.tolist() == pytest.approx([0.99, 0.01])
    assert (taught.weight, taught.pending) == (1.0, None)
    assert (adviser.smoothing, adviser.late_timeout, adviser.background) == (0.02, 5.0, None)
    assert adviser.metrics() == {"calls": 1.0}
    assert adviser.said == [Pending((situation(),), (A,))]
    adviser.close()
    assert not teacher.closed  # it is somebody else's
    Adviser(teacher, (2,), owns_teacher=True).close()
    assert teacher.closed


@pytest.mark.parametrize("bad", [{"workers": -1}, {"late_timeout": -0.5}])
def test_negative_numbers_are_refused(bad):
    message = "|".join(f"{name} is {value}" for name, value in bad.items())
    with pytest.raises(TeacherSpecError, match=rf"({message}).*expected no negative numbers"):
        Adviser(Says(), (2,), **bad)


def test_no_time_to_wait_is_a_time():
    assert Adviser(Says(), (2,), late_timeout=0).late_timeout == 0.0


def test_before_anything_was_said_and_when_nothing_is():
    adviser = Adviser(Says(), (2,), 3)
    assert adviser.said == [Pending((), ())] * 3
    adviser.advise((situation(),), None, env=1)
    assert [len(said.situations) for said in adviser.said] == [0, 1, 0]
    taught = adviser.silent(1)
    assert adviser.said == [Pending((), ())] * 3
    assert (taught.prior.tolist(), taught.weight) == ([0.5, 0.5], 0.0)
    assert isinstance(taught.weight, float)


def test_weights_of_several_dimensions_are_float32():
    adviser = Adviser(Says(), (2, 2))
    for taught, weight in [
        (adviser.silent(), [0.0, 0.0]),
        (adviser.advise((situation(), situation()), None), [1.0, 1.0]),
    ]:
        assert (taught.weight.dtype, taught.weight.tolist()) == (np.float32, weight)
        assert (taught.prior.dtype, taught.prior.shape) == (np.float32, (4,))


@pytest.mark.parametrize("ask", [None, NewText()])
def test_as_many_situations_as_dimensions(ask):
    adviser = Adviser(Says(), (2, 2), ask=ask)
    with pytest.raises(ValueError, match=r"zip\(\)"):
        adviser.advise((situation(),), None)


def test_an_observation_that_is_there_is_not_replaced():
    teacher = Says()
    teacher.reads_observations = True
    adviser = Adviser(teacher, (2, 2))
    own = Situation("own", ("a", "b"), ROWS, obs=np.array([7]))
    adviser.advise((own, situation()), obs=np.array([1]))
    assert [int(here.obs[0]) for here in teacher.asked] == [7, 1]


class Noting(Condition):
    """Asks at some steps; keeps what it is shown and told."""

    name = "noting"

    def __init__(self, steps=range(100)):
        self.steps, self.moments, self.outcomes = steps, [], []

    def holds(self, moment):
        self.moments.append(moment)
        return moment.step in self.steps

    def hear(self, outcome):
        self.outcomes.append(outcome)


def test_a_condition_is_shown_the_env_the_step_and_the_teacher():
    noting, teacher = Noting(), Says()
    adviser = Adviser(teacher, (2,), 2, ask=noting)
    for env, text in [(1, "x"), (1, "y"), (0, "x"), (1, "x")]:
        adviser.advise((situation(text),), np.array([env]), env)
    seen = [(m.env, m.step, m.seen, m.finished, int(m.obs[0])) for m in noting.moments]
    assert seen == [
        (1, 0, False, True, 1), (1, 1, False, False, 1), (0, 0, False, True, 0),
        (1, 2, True, False, 1),
    ]  # fmt: skip
    assert all(moment.teacher is teacher for moment in noting.moments)
    adviser.start(1)
    adviser.advise((situation("x"),), np.array([1]), 1)
    assert (noting.moments[-1].step, noting.moments[-1].finished) == (0, True)
    assert Asker(noting, teacher).env == 0


def test_a_condition_hears_what_was_decided_and_what_came_of_it():
    says = iter([A, A, B, Advice.abstain("?"), B, A])
    noting = Noting((0, 2, 3, 4, 5, 6))
    adviser = Adviser(ScriptedTeacher(lambda here: next(says)), (2,), ask=noting)
    adviser.hear(0.5, False)  # before any decision
    for step in range(7):
        adviser.advise((situation(str(step)),), None)
        adviser.hear(step, step == 6)
    assert noting.outcomes == [
        Outcome(0, False, False, 0.5, False),
        Outcome(0, True, True, 0.0, False),  # a
        Outcome(0, False, False, 1.0, False),  # not asked: no change
        Outcome(0, True, False, 2.0, False),  # a again
        Outcome(0, True, True, 3.0, False),  # b
        Outcome(0, True, False, 4.0, False),  # nothing: the last advice stands
        Outcome(0, True, False, 5.0, False),  # b again
        Outcome(0, True, True, 6.0, True),  # a
    ]
    assert all(type(outcome.changed) is type(outcome.asked) is bool for outcome in noting.outcomes)


def test_what_is_known_is_not_asked_about_and_no_decision():
    class Knows(Says):
        def cached(self, situation):
            return B if situation.text == "known" else None

    noting, teacher = Noting(), Knows()
    adviser = Adviser(teacher, (2,), ask=noting, smoothing=0.0)
    for text, prior in [("x", [1.0, 0.0]), ("known", [0.0, 1.0]), ("y", [1.0, 0.0])]:
        assert adviser.advise((situation(text),), None).prior.tolist() == prior
        adviser.hear(0.0, False)
    assert [here.text for here in teacher.asked] == ["x", "y"]
    assert [moment.step for moment in noting.moments] == [0, 2]
    heard = [(outcome.asked, outcome.changed) for outcome in noting.outcomes]
    assert heard == [(True, True), (False, True), (True, True)]
    assert all(type(outcome.asked) is bool for outcome in noting.outcomes)


def test_with_nothing_asked_and_nothing_known_the_reason_is_told():
    adviser = Adviser(Says(), (2,), ask=Noting(()))
    taught = adviser.advise((situation(),), None)
    (advice,) = adviser.said[0].advices
    assert (taught.weight, advice.reason) == (0.0, Abstention.NOT_ASKED)
    assert advice.source == "abstained: not asked"


def test_why_the_teacher_abstained_is_not_lost():
    silent = Advice.abstain("no idea", Abstention.UNDECIDED)
    adviser = Adviser(ScriptedTeacher(lambda here: silent), (2,), ask=NewText())
    adviser.advise((situation(),), None)
    assert adviser.said[0].advices == (silent,)


@pytest.mark.filterwarnings("ignore:the script said")
def test_the_likeliest_plan_is_the_one_that_is_followed():
    """Whether its option is finished is what counts, not that of the first or last plan."""
    advice = Advice(((("z", "a"), 0.2), (("b", "a"), 0.5), (("z",), 0.3)))
    noting = Noting()
    adviser = Adviser(ScriptedTeacher(lambda here: advice), (2,), ask=noting)
    done = np.array([[1, 0], [0, 0]], dtype=np.float32)  # b has nothing left to do
    for rows in (ROWS, ROWS, done, done):
        adviser.advise((situation(rows=rows),), None)
    adviser.advise((situation(options=("a", "c")),), None)
    finished = [moment.finished for moment in noting.moments]
    # While b is done, a is followed; then there is an a again.
    assert finished == [True, False, True, False, False]
    adviser.advise((situation(options=("d", "c")),), None)
    assert noting.moments[-1].finished  # a is not even on the list


def test_pairs_of_conditions_hold_as_their_parts_do():
    def holds(condition, step, seen):
        return condition.holds(Moment(situation(), None, step, seen, True, Says()))

    either, both = AtReset() | NewText(), AtReset() & NewText()
    cases = [(0, False), (0, True), (1, False), (1, True)]
    assert [holds(either, *case) for case in cases] == [True, True, True, False]
    assert [holds(both, *case) for case in cases] == [True, False, False, False]


@pytest.mark.parametrize("kind", [WithProbability, BudgetLeft, StudentUncertain])
def test_shares_are_from_0_to_1_and_named(kind):
    for share in (0, 0.25, 1.0):
        kind(share)
    for share in (-0.1, 1.1, "0.5", None):
        with pytest.raises(ConditionError, match=rf"^{kind.__name__} got {share!r}, expected a nu"):
            kind(share)


def test_what_conditions_do_by_default():
    assert (BudgetLeft().share, StudentUncertain().threshold) == (0.0, 0.5)
    assert EveryNSteps(1).n == 1
    moments = [Moment(situation(), None, step, False, True, Says()) for step in range(40)]
    assert all(EveryNSteps(1).holds(moment) for moment in moments)
    first, zero, one = WithProbability(0.5), WithProbability(0.5, 0), WithProbability(0.5, 1)
    drawn = [[condition.holds(moment) for moment in moments] for condition in (first, zero, one)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_one_envs_part_of_tuples():
    assert of_env((np.array([1, 2]), np.array([[3], [4]])), 1) == (2, np.array([4]))
