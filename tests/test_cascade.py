"""Teachers in order: large, small, script, silence."""

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import (
    Abstention,
    ActionGrounding,
    Advice,
    LLMTeacherWrapper,
    ScriptedTeacher,
    Situation,
    Teacher,
)
from gym_llmteacher.errors import ModelUnavailableError, TeacherSpecError
from gym_llmteacher.teachers.cascade import CascadeTeacher, Sure
from gym_llmteacher.teachers.make import make_teacher
from gym_llmteacher.testing import FakeLLMServer, FakeReply

ROWS = np.eye(2, dtype=np.float32)


def situations(*texts):
    return [Situation(text, ("a", "b"), ROWS) for text in texts]


def only(texts, plan):
    return ScriptedTeacher(lambda s: plan if s.text in texts else Advice.abstain(f"not {texts}"))


def test_each_question_goes_down_until_somebody_knows():
    cascade = CascadeTeacher([only("x", ("a",)), only("xy", ("b",))])
    x, y, z = cascade.advise(situations("x", "y", "z"))
    assert (x.plans, y.plans) == (((("a",), 1.0),), ((("b",), 1.0),))
    assert z.abstained
    assert z.source == "abstained: not x; abstained: not xy"
    assert cascade.metrics() == {"fallbacks": 1.0}


def test_a_server_that_is_down_falls_back_to_a_script():
    with FakeLLMServer([FakeReply("ok"), FakeReply("down", status=500)]) as server:
        # The list is a spec, as it would stand in a YAML file.
        spec = [server.model, {"script": "door_key_planner"}]
        env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"), spec, answers=":memory:")
        large = env.teacher.teachers[0]
        large.oracle.client.endpoint.max_retries = 0
        _, info = env.reset(seed=0)
        assert info["teacher_weight"] == 1.0
        assert env.advice.source == "script"
        metrics = env.teacher.metrics()
        assert (metrics["fallbacks"], metrics["abstained"]) == (1, 1)


def test_fallbacks_are_probed_too():
    with pytest.raises(ModelUnavailableError, match="nonsense/model"):
        make_teacher([{"script": "door_key_planner"}, "nonsense/model"], ":memory:").probe()


def test_no_teachers():
    with pytest.raises(TeacherSpecError, match="expected at least one"):
        make_teacher([])


def test_a_cascade_with_a_threshold_can_be_written_as_data():
    spec = {"cascade": [None, {"script": "door_key_planner"}], "until": 0.8, "small_until": 1000}
    cascade = make_teacher(spec)
    assert (cascade.until, cascade.small_until) == (Sure(0.8), 1000)


@pytest.mark.parametrize("wrong", [{"until": 0.8}, {"small_until": -1}, {"small_until": True}])
def test_thresholds_that_cannot_be(wrong):
    with pytest.raises(TeacherSpecError, match="expected"):
        CascadeTeacher([only("x", ("a",))], **wrong)
    with pytest.raises(TeacherSpecError, match="expected a number in"):
        Sure(1.5)


def certain(plan, confidence=1.0, **kwargs):
    return Advice((((plan,), 1.0),), confidence, **kwargs)


A, B, UNSURE = certain("a"), certain("b"), certain("a", 0.5)
DOWN = Advice.abstain("the server is down", Abstention.SERVER_DOWN)
NO_IDEA = Advice.abstain("no idea", Abstention.UNDECIDED)


class Says(Teacher):
    """Always the same; what it knows by heart and from a file may be something else."""

    reads_observations = False

    def __init__(self, advice, cached=None, filed=None, grounding=None):
        self.advice, self.heart, self.file, self.grounding = advice, cached, filed, grounding
        self.asked, self.closed = [], 0

    def advise(self, situations):
        self.asked += [situation.text for situation in situations]
        return [self.advice] * len(situations)

    def cached(self, situation):
        assert situation.text == "x"
        return self.heart

    def lookup(self, situation):
        assert situation.text == "x"
        return self.file

    def grounding_for(self, env):
        return self.grounding

    def metrics(self):
        return {"calls": float(len(self.asked))}

    def close(self):
        self.closed += 1


def said(*advices, **kwargs):
    """What a cascade of teachers says that always say this."""
    cascade = CascadeTeacher([Says(advice) for advice in advices], **kwargs)
    (advice,) = cascade.advise(situations("x"))
    return advice, cascade


def test_how_sure():
    two = Advice(((("a",), 0.75), (("b",), 0.25)), confidence=0.8)
    assert [Sure(least)(two) for least in (0.6, 0.61)] == [True, False]
    assert [Sure()(certain("a", sure)) for sure in (0.79, 0.8)] == [False, True]
    assert not Sure(1e-9)(DOWN)
    assert Sure(1)(A)
    for least in (0, -0.5, 1.01, float("nan"), "0.8", None):
        with pytest.raises(TeacherSpecError, match=rf"Sure got {least!r}, expected a number in"):
            Sure(least)


@pytest.mark.parametrize(
    ("advices", "plan", "provisional", "fallbacks"),
    [
        ([A, B], "a", False, 0),
        ([NO_IDEA, B], "b", False, 1),
        ([DOWN, B], "b", True, 1),  # the first may be back
        ([Advice((), 0.0), B], "b", True, 1),  # why is not known
        ([DOWN, NO_IDEA, B], "b", True, 1),
        ([NO_IDEA, NO_IDEA, certain("b", provisional=True)], "b", True, 1),
    ],
)
def test_advice_in_somebodys_place_is_provisional_while_that_one_may_answer(
    advices, plan, provisional, fallbacks
):
    advice, cascade = said(*advices)
    assert (advice.plans, advice.provisional) == ((((plan,), 1.0),), provisional)
    assert cascade.metrics()["fallbacks"] == fallbacks
    cascade.advise(situations("x", "x"))
    assert cascade.metrics()["fallbacks"] == 3 * fallbacks


@pytest.mark.parametrize(
    ("advices", "provisional"),
    [([NO_IDEA, NO_IDEA], False), ([DOWN, NO_IDEA], True), ([NO_IDEA, DOWN], False)],
)
def test_where_all_abstain_all_reasons_are_told(advices, provisional):
    advice, cascade = said(*advices)
    assert (advice.abstained, advice.reason) == (True, advices[0].reason)
    assert advice.source == f"{advices[0].source}; {advices[1].source}"
    assert (advice.provisional, cascade.metrics()["fallbacks"]) == (provisional, 0.0)


@pytest.mark.parametrize(
    ("advices", "plan", "provisional", "asked"),
    [
        ([A, B], "a", False, 0),
        ([UNSURE, B], "b", False, 1),
        ([UNSURE, certain("b", 0.1)], "b", False, 1),  # the last one's always does
        ([UNSURE, NO_IDEA], "a", False, 1),  # better than nothing
        ([UNSURE, DOWN], "a", True, 1),  # ... until the other one is back
        ([certain("a", 0.5, provisional=True), NO_IDEA], "a", True, 1),
        ([certain("a", 0.5, provisional=True), B], "b", True, 1),
    ],
)
def test_where_one_is_unsure_the_next_is_asked(advices, plan, provisional, asked):
    advice, cascade = said(*advices, until=Sure(0.8))
    assert (advice.plans, advice.provisional) == ((((plan,), 1.0),), provisional)
    assert len(cascade.teachers[1].asked) == asked


def test_only_what_is_open_goes_on():
    small, large = only("xz", ("a",)), Says(B)
    cascade = CascadeTeacher([small, large])
    advices = cascade.advise(situations("w", "x", "y", "z"))
    assert [advice.plans[0][0] for advice in advices] == [("b",), ("a",), ("b",), ("a",)]
    assert large.asked == ["w", "y"]


def test_a_teacher_that_answers_too_few_is_found_out():
    class Short(Says):
        def advise(self, situations):
            return super().advise(situations)[1:]

    with pytest.raises(ValueError, match=r"zip\(\)"):
        CascadeTeacher([Says(DOWN), Short(A)]).advise(situations("x", "y"))


@pytest.mark.parametrize("small_until", [0, 1, 3])
def test_after_so_many_situations_only_the_last_teacher_is_asked(small_until):
    small, large = Says(A, cached=A, filed=A), Says(B, cached=B, filed=B)
    between = Says(NO_IDEA)
    cascade = CascadeTeacher([small, between, large], small_until=small_until)
    for _ in range(5):
        cascade.advise(situations("x"))
    assert (len(small.asked), len(large.asked)) == (small_until, 5 - small_until)
    assert between.asked == []
    (here,) = situations("x")
    assert cascade.cached(here) == cascade.lookup(here) == B


@pytest.mark.parametrize("bad", [-1, 1.0, True, "3"])
def test_bad_numbers_of_situations(bad):
    with pytest.raises(TeacherSpecError, match=rf"small_until is {bad!r}, expected 0 or more"):
        CascadeTeacher([Says(A), Says(B)], small_until=bad)
    with pytest.raises(TeacherSpecError, match=r"until is 0.8, expected a function of advice"):
        CascadeTeacher([Says(A), Says(B)], until=0.8)


@pytest.mark.parametrize(
    ("heart", "until", "known"),
    [(A, None, A), (None, None, None), (DOWN, None, None), (UNSURE, Sure(), None)],
)
def test_by_heart_counts_what_the_first_knows(heart, until, known):
    cascade = CascadeTeacher([Says(A, cached=heart), Says(B, cached=B)], until=until)
    assert cascade.cached(*situations("x")) == known


@pytest.mark.parametrize(
    ("files", "until", "plan", "provisional"),
    [
        ([A, B], None, "a", False),
        ([None, B], None, "b", True),
        ([DOWN, B], None, "b", True),
        ([DOWN, None], None, None, None),
        ([None, DOWN], None, None, None),
        ([UNSURE, B], Sure(), "b", False),
        ([UNSURE, None], Sure(), None, None),
        ([None, UNSURE], Sure(), "a", False),  # the last one's will do
        ([UNSURE, DOWN], Sure(), None, None),
        ([None, UNSURE, None], Sure(), None, None),
        ([None, None, UNSURE], Sure(), "a", False),
    ],
)
def test_what_is_in_a_file_counts_in_order(files, until, plan, provisional):
    teachers = [Says(A, filed=filed) for filed in files]
    advice = CascadeTeacher(teachers, until=until).lookup(*situations("x"))
    assert all(teacher.asked == [] for teacher in teachers)
    if plan is None:
        assert advice is None
    else:
        assert (advice.plans, advice.provisional) == ((((plan,), 1.0),), provisional)


def test_a_grounding_is_brought_by_all_or_none():
    one, other = (ActionGrounding(str, ["a", "b"], task=task) for task in "xy")
    env = gym.make("CartPole-v1")
    for brought, used in [([one, other], one), ([one, None], None), ([None, other], None)]:
        cascade = CascadeTeacher([Says(A, grounding=grounding) for grounding in brought])
        assert cascade.grounding_for(env) is used


def test_all_are_summed_read_and_closed():
    cascade = CascadeTeacher([Says(DOWN), Says(A), Says(B)])
    cascade.advise(situations("x", "y"))
    assert cascade.metrics() == {"calls": 4.0, "fallbacks": 2.0}
    assert not cascade.reads_observations
    cascade.teachers[2].reads_observations = True
    assert cascade.reads_observations
    cascade.close()
    assert [teacher.closed for teacher in cascade.teachers] == [1, 1, 1]
