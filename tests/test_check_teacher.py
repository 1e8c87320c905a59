"""Every teacher we ship passes the conformance check, and the check finds what is wrong."""

import itertools
import threading
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

from gym_llmteacher import (
    Abstention,
    Advice,
    CascadeTeacher,
    LLMTeacher,
    PolicyTeacher,
    ProcessTeacher,
    ScriptedTeacher,
    SimulatedTeacher,
    Situation,
    Subgoal,
    Teacher,
    TeacherDecorator,
)
from gym_llmteacher.teachers.scripted import SCRIPTS
from gym_llmteacher.testing import FakeLLMServer, check_decorator, check_teacher

ROWS = np.eye(2, dtype=np.float32)


def first(situation):
    return (situation.options[0],)


@pytest.fixture(scope="module")
def server():
    def reply(body):
        return "Action: {go left}" if "east" in str(body["messages"][-1]) else "Action: {go right}"

    with FakeLLMServer(reply) as server:
        yield server


def test_language_models(server, tmp_path):
    teacher = LLMTeacher(server.model, tmp_path / "a.sqlite", samples=2)
    assert check_teacher(teacher) == []
    assert check_teacher(LLMTeacher(answers=":memory:")) == []


def test_in_a_process_of_its_own(server, tmp_path):
    teacher = ProcessTeacher(LLMTeacher(server.model, tmp_path / "a.sqlite", samples=1))
    assert check_teacher(teacher) == []
    teacher.close()


@pytest.mark.parametrize(
    "teacher",
    [
        ScriptedTeacher(first),
        ScriptedTeacher(lambda here: Advice.abstain("no idea")),
        SimulatedTeacher(ScriptedTeacher(first), 0.5),
        SimulatedTeacher(ScriptedTeacher(first), 0.5, soft=True),
        CascadeTeacher([ScriptedTeacher(lambda here: Advice.abstain("?")), ScriptedTeacher(first)]),
        CascadeTeacher(
            [
                ScriptedTeacher(lambda here: Advice.abstain("down", Abstention.SERVER_DOWN)),
                SimulatedTeacher(ScriptedTeacher(first), 0.5),
            ]
        ),
        TeacherDecorator(ScriptedTeacher(first)),
    ],
    ids=lambda teacher: type(teacher).__name__,
)
def test_teachers_made_of_others(teacher):
    assert check_teacher(teacher) == []


def test_a_policy():
    env = gym.make("CartPole-v1")
    teacher = PolicyTeacher(PPO("MlpPolicy", env, n_steps=8, batch_size=8, seed=0))
    observations = [np.full(4, value, dtype=np.float32) for value in (0.0, 0.5)]
    situations = [Situation("", ("a", "b"), ROWS, obs=obs) for obs in observations]
    assert check_teacher(teacher, situations, env) == []
    assert check_teacher(SimulatedTeacher(teacher, 0.5), situations, env) == []


def test_door_key_planner():
    here = Situation("sees", ("a", "b"), ROWS, state="The agent holds nothing.",
                     subgoals=(Subgoal("key", ("a",)), Subgoal("door", ("b",))))  # fmt: skip
    held = replace(here, state="The agent holds the key.")
    assert "door_key_planner" in SCRIPTS
    assert check_teacher(ScriptedTeacher.named("door_key_planner"), [here, held]) == []


@pytest.mark.parametrize(
    "make",
    [
        TeacherDecorator,
        lambda inner: SimulatedTeacher(inner, 1.0),
        lambda inner: CascadeTeacher([inner]),
    ],
)
def test_what_is_around_a_teacher_forwards_all_of_it(make):
    assert check_decorator(make) == []


class Wrong(Teacher):
    """A teacher with one fault."""

    def advise(self, situations):
        return [Advice(((("go left",), 1.0),)) for _ in situations]


class TooFew(Wrong):
    def advise(self, situations):
        return super().advise(situations)[:1]


class Shuffled(Wrong):
    def advise(self, situations):
        plans = [("go left",) if "wall" in s.text else ("go right",) for s in situations]
        return [Advice(((plan, 1.0),)) for plan in plans[::-1]]


class ByText(Wrong):
    """The fault this check was made for."""

    def __init__(self):
        self.memo = {}

    def advise(self, situations):
        for here in situations:
            plan = ("go left",) if here.task == "go west" else ("go right",)
            self.memo.setdefault(here.text, Advice(((plan, 1.0),)))
        return [self.memo[here.text] for here in situations]

    def __reduce__(self):
        return ByText, ()


class Fickle(Wrong):
    def __init__(self):
        self.turn = itertools.cycle(("go left", "go right"))

    def advise(self, situations):
        return [Advice((((next(self.turn),), 1.0),)) for _ in situations]


class Raising(Wrong):
    def advise(self, situations):
        raise ConnectionError("the line is dead")


class Locked(Wrong):
    def __init__(self):
        self.lock = threading.Lock()


class Overdrawn(Wrong):
    def budget_left(self):
        return 1.5


class Uncountable(Wrong):
    def metrics(self):
        return {"calls": float("nan")}


class OtherCache(Wrong):
    def cached(self, situation):
        return Advice(((("go right",), 1.0),))


class Copied(Wrong):
    def __deepcopy__(self, memo):
        return type(self)()


class SurrogateShy(Wrong):
    def advise(self, situations):
        for here in situations:
            here.text.encode()
        return super().advise(situations)


@pytest.mark.parametrize(
    ("teacher", "problem"),
    [
        (TooFew(), "returned 1 pieces of advice on 3 situations"),
        (Shuffled(), "depends on what it was asked before, or beside it"),
        (ByText(), "remember advice by Situation.key"),
        (Fickle(), "asked twice about"),
        (Raising(), "it raised ConnectionError: the line is dead"),
        (Locked(), "it cannot be pickled"),
        (Overdrawn(), "budget_left() is 1.5"),
        (Uncountable(), "calls=nan"),
        (OtherCache(), "cached() says"),
        (Copied(), "copy.deepcopy makes another teacher"),
        (SurrogateShy(), "UnicodeEncodeError"),
        (ScriptedTeacher(lambda here: ("fly",)), "has the option 'fly'"),
        (7, "7 is no Teacher"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Teacher) else None,
)
def test_what_is_wrong_is_said(teacher, problem):
    problems = check_teacher(teacher)
    assert any(problem in said for said in problems), problems


def test_what_is_not_forwarded_is_said():
    class Forgetful(Teacher):
        def __init__(self, inner):
            self.inner = inner

        def advise(self, situations):
            return self.inner.advise(situations)

    said = " ".join(check_decorator(Forgetful))
    for name in ("probe", "metrics", "grounding_for", "cached", "lookup", "budget_left", "close"):
        assert f"{name} is not that of the inner teacher" in said
    assert "advise is" not in said
