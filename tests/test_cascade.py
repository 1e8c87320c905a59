"""Teachers in order: large, small, script, silence."""

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import Advice, LLMTeacherWrapper, ScriptedTeacher, Situation
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
