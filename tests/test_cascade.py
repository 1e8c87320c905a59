"""Teachers in order: large, small, script, silence."""

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import (
    Abstention,
    Advice,
    LLMTeacherWrapper,
    ScriptedTeacher,
    Situation,
    Sure,
)
from gym_llmteacher.errors import ModelUnavailableError, TeacherSpecError
from gym_llmteacher.teachers.cascade import CascadeTeacher
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


class Says(ScriptedTeacher):
    """Has a distribution over two options; counts what it is asked."""

    def __init__(self, p, confidence=1.0):
        self.asked = 0
        self._advice = Advice.from_counts({("a",): p, ("b",): 1 - p}, confidence)

    def advise(self, situations):
        self.asked += len(situations)
        return [self._advice for _ in situations]


@pytest.mark.parametrize(
    ("p", "confidence", "goes_on"),
    [(0.9, 1.0, False), (0.7, 1.0, True), (0.1, 1.0, False), (0.9, 0.5, True)],
)
def test_the_larger_model_is_asked_where_the_smaller_is_unsure(p, confidence, goes_on):
    small, large = Says(p, confidence), Says(0.0)
    cascade = CascadeTeacher([small, large], until=Sure(0.8))
    (advice,) = cascade.advise(situations("x"))
    assert (large.asked, advice.plans[0][0]) == ((1, ("b",)) if goes_on else (0, ("a",)))
    assert not advice.provisional
    assert cascade.metrics()["fallbacks"] == goes_on


def test_unsure_advice_is_better_than_none():
    down = ScriptedTeacher(lambda s: Advice.abstain("down", Abstention.SERVER_DOWN))
    (advice,) = CascadeTeacher([Says(0.6), down], until=Sure(0.8)).advise(situations("x"))
    assert dict(advice.plans)[("a",)] == pytest.approx(0.6)
    assert advice.provisional  # who is down may be up later, and knows better


def test_after_so_many_situations_the_small_one_is_asked_no_more():
    small, large = Says(1.0), Says(0.0)
    cascade = CascadeTeacher([small, large], small_until=3)
    answers = [cascade.advise(situations(str(i)))[0].plans[0][0] for i in range(5)]
    assert answers == [("a",)] * 3 + [("b",)] * 2
    assert (small.asked, large.asked) == (3, 2)


def test_a_cascade_with_a_threshold_can_be_written_as_data():
    spec = {"cascade": [None, {"script": "door_key_planner"}], "until": 0.8, "small_until": 1000}
    cascade = make_teacher(spec)
    assert (cascade.until, cascade.small_until) == (Sure(0.8), 1000)


@pytest.mark.parametrize("wrong", [{"until": 0.8}, {"small_until": -1}, {"small_until": True}])
def test_thresholds_that_cannot_be(wrong):
    with pytest.raises(TeacherSpecError, match="expected"):
        CascadeTeacher([Says(1.0)], **wrong)
    with pytest.raises(TeacherSpecError, match="expected a number in"):
        Sure(1.5)
