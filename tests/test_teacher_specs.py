"""Teachers as people write them: names, dicts and lists."""

import pytest

from gym_llmteacher import (
    Abstention,
    CascadeTeacher,
    LLMTeacher,
    LLMTeacherWrapper,
    ProcessTeacher,
    ScriptedTeacher,
    SimulatedTeacher,
    make_teacher,
)
from gym_llmteacher.errors import (
    TeacherSpecError,
)
from gym_llmteacher.teachers.make import with_arguments
from gym_llmteacher.testing import FakeLLMServer
from tests.lessons import PLANNER
from tests.track import LEFT, Track, cart, on


def test_a_budget_in_the_dict_is_a_budget():
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        for make in (LLMTeacher, make_teacher):
            spec = {**server.model, "budget": {"calls": 1}, "answers": ":memory:", "samples": 1}
            teacher = make(spec)
            advices = teacher.advise([cart("a"), cart("b")])
            assert [advice.abstained for advice in advices] == [False, True]
            assert advices[1].reason is Abstention.OVER_BUDGET
        assert all("budget" not in request.body for request in server.history)
        assert len(server.history) == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"model": "openai/x", "budgte": {"calls": 1}}, "did you mean 'budget'"),
        ({"scirpt": "door_key_planner"}, "expected a dict with \"model\", or one of 'script'"),
        ({"script": "door_key_planner", "seed": 1}, "unexpected keyword argument 'seed'"),
        ({"model": "openai/x", "rpm": 0}, "rpm is 0, expected 1 or more"),
        ({"model": "openai/x", "timeout": -1}, "timeout is -1"),
        ({"model": "openai/x", "samples": 0}, "samples is 0"),
        ({"simulated": "script:door_key_planner", "accuracy": 2}, "accuracy is 2"),
        ([], "a cascade of no teachers"),
        (7, "teacher is 7"),
    ],
)
def test_what_names_no_teacher_is_refused(spec, message):
    with pytest.raises(TeacherSpecError, match=message):
        make_teacher(spec)


def test_every_form_of_a_teacher():
    kinds = [
        (None, LLMTeacher), ("embedded", LLMTeacher), ({"samples": 4}, LLMTeacher),
        ("script:door_key_planner", ScriptedTeacher), (PLANNER, ScriptedTeacher),
        ({"simulated": PLANNER, "accuracy": 0.7}, SimulatedTeacher),
        ([None, PLANNER], CascadeTeacher), ({"process": PLANNER}, ProcessTeacher),
    ]  # fmt: skip
    for spec, kind in kinds:
        assert type(make_teacher(spec)) is kind
    assert make_teacher(PLANNER) is make_teacher("script:door_key_planner")
    assert make_teacher({"model": "openai/x", "litellm": {"odd": 1}}).oracle.client.options == {
        "odd": 1
    }


@pytest.mark.parametrize("teacher", [PLANNER, ScriptedTeacher(lambda here: ("a",)), [PLANNER]])
def test_answers_beside_a_teacher_that_has_none_are_refused(teacher):
    with pytest.raises(TeacherSpecError, match=r"answers came with the teacher .*would ignore it"):
        LLMTeacherWrapper(Track(), teacher, on("x"), answers="a.sqlite")


def test_keys_are_not_in_what_is_said_of_a_spec():
    model = {"model": "openai/x", "api_key": "sk-planted-key-1"}
    for spec in ({"simulated": model, "accuracy": 0.5, "sed": 1}, {"process": model, "wokers": 2}):
        with pytest.raises(TeacherSpecError, match="unexpected keyword argument") as raised:
            make_teacher(spec)
        assert "planted" not in str(raised.value)
        with pytest.raises(TeacherSpecError, match="would ignore it") as raised:
            make_teacher([spec], answers="a.sqlite")
        assert "planted" not in str(raised.value)


def test_arguments_beside_a_spec_reach_the_teacher():
    for spec, name in ((None, "local/smollm2-135m"), ("openai/x", "openai/x")):
        for make in (make_teacher, lambda one, **own: make_teacher(with_arguments(one, **own))):
            teacher = make(spec, answers=":memory:", elicitation="logprobs")
            assert (teacher.model, teacher.elicitation.name) == (name, "logprobs")
    with pytest.raises(TeacherSpecError, match="elicitation is given twice"):
        make_teacher({"model": "openai/x", "elicitation": "samples"}, elicitation="logprobs")


def test_an_argument_given_twice_is_refused():
    with pytest.raises(TeacherSpecError, match="answers is given twice"):
        LLMTeacher({"model": "openai/x", "answers": ":memory:"}, answers=":memory:")
