"""One set of answers for all runners: each question once, one budget, one limit on concurrency."""

import dataclasses
import re
import threading

import gymnasium as gym
import numpy as np
import pytest
import ray

from gym_llmteacher import ActionGrounding, ScriptedTeacher, Situation
from gym_llmteacher.errors import ModelUnavailableError, TeacherSpecError
from gym_llmteacher.rllib import RayTeacher, TaughtEnv
from gym_llmteacher.teachers.check import check_teacher, example_situations
from gym_llmteacher.testing import FakeLLMServer
from tests.rllib.small import config, echo, learned
from tests.rllib.teachers import RIGHT, Counting, fails, left, right, sees

PLACES = 101


class Places(gym.Env):
    """Walks through all places in turn, from one that the env's number decides."""

    observation_space = gym.spaces.Box(0, PLACES, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = int(self.np_random.integers(PLACES))
        return np.array([self.at], np.float32), {}

    def step(self, action):
        self.at = (self.at + 1) % PLACES
        return np.array([self.at], np.float32), 0.0, False, False, {}


def grounding():
    return ActionGrounding(lambda obs: f"place {int(obs[0])}", ["left", "right"], task="walk")


class Busy:
    """A model's replies, and how many questions were open at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.open = self.most = 0
        self.met = threading.Event()

    def __call__(self, body):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
            if self.open > 1:
                self.met.set()
        self.met.wait(0.05)  # until another one comes, if another one may
        with self.lock:
            self.open -= 1
        return "Action: {left}"


def walk(server, tmp_path, monkeypatch, **arguments):
    """A training of two runners with four envs each, in which all places come up."""
    monkeypatch.setenv("OPENAI_API_KEY", "fake-key-for-tests")
    model = {"model": "openai/fake", "api_base": server.url, "api_key": "none", **arguments}
    made = config(2, envs=4, batch=840, num_epochs=1).environment(
        TaughtEnv, env_config={"env": Places, "grounding": grounding()}
    )
    return made.teacher(model, answers=str(tmp_path / "answers.sqlite"), late_timeout=60.0)


def asked_about(server):
    """Places that the server was asked about."""
    words = [request.body["messages"][-1]["content"] for request in server.history]
    return [re.search(r"place (\d+)", text)[1] for text in words if "place " in text]


def test_each_question_is_asked_once(build, tmp_path, monkeypatch):
    busy = Busy()
    with FakeLLMServer(busy) as server:
        result = build(walk(server, tmp_path, monkeypatch, samples=1)).train()
        places = asked_about(server)
        assert len(places) == len(set(places)) == PLACES
        assert len(server.history) == PLACES + 1  # and the probe
        assert busy.most > 1
        assert result["teacher"]["calls"] == PLACES + 1
        assert learned(result)["coverage"] == 1


def test_one_budget_and_one_limit(build, tmp_path, monkeypatch):
    busy = Busy()
    with FakeLLMServer(busy) as server:
        made = walk(server, tmp_path, monkeypatch, samples=1, budget={"calls": 20}, concurrency=1)
        result = build(made).train()
        assert len(server.history) == 20
        assert busy.most == 1
        assert result["teacher"]["budget_left"] == 0
        assert result["teacher"]["over_budget"] > 0
        assert 0 < learned(result)["coverage"] < 0.5


@pytest.fixture
def started():
    teachers = []

    def start(*args, **kwargs):
        teachers.append(RayTeacher.start(*args, **kwargs))
        return teachers[-1]

    yield start
    for teacher in teachers:
        teacher.stop()


def test_it_is_a_teacher_as_any_other(started):
    assert check_teacher(started(ScriptedTeacher(left))) == []


def test_what_was_said_is_remembered_and_it_is_probed_once(started):
    teacher, here = started(Counting(left)), example_situations()[0]
    other = RayTeacher(teacher.name)
    other.probe()
    for one in (teacher, other):
        assert one.advise([here, here])[1].plans == ((("go left",), 1.0),)
        assert one.cached(here) is not None
    assert teacher.service_metrics() == {"calls": 4.0, "probes": 1.0, "budget_left": 1.0}
    teacher.advise([here])
    assert teacher.service_metrics()["calls"] == 4
    assert teacher.metrics()["hits"] >= 2


def test_observations_travel_where_they_are_read(started):
    teacher = started(Counting(sees, reads=True))
    here = dataclasses.replace(example_situations()[0], obs=np.int64(1))
    assert teacher.advise([here])[0].plans == ((("go right",), 1.0),)


def test_a_bug_in_a_teacher_ends_the_training(build):
    algorithm = build(echo(ScriptedTeacher(fails)))
    with pytest.raises(RuntimeError, match="the teacher raised KeyError: 'a bug'"):
        algorithm.train()


def test_what_costs_nothing_does_not_queue_behind_slow_questions(started, tmp_path):
    asked, opened, answered = threading.Event(), threading.Event(), []

    def slow(body):
        if "place 7" in body["messages"][-1]["content"]:
            asked.set()
            opened.wait(30)
            answered.append(body)
        return "Action: {left}"

    seven, eight = (
        Situation(f"place {n}", ("left", "right"), np.eye(2, dtype=np.float32)) for n in (7, 8)
    )
    with FakeLLMServer(slow) as server:
        spec = {"model": "openai/fake", "api_base": server.url, "samples": 1}
        teacher = started(spec, workers=1, answers=tmp_path / "answers.sqlite")
        asking = threading.Thread(target=teacher.advise, args=([seven],))
        asking.start()
        assert asked.wait(30)
        assert teacher.budget_left() == 1
        assert teacher.lookup(eight) is None
        assert answered == []
        opened.set()
        asking.join(30)
        assert teacher.cached(seven).plans == ((("left",), 1.0),)


def test_an_actor_that_is_gone_abstains(started):
    teacher, (here, *_) = started(RIGHT), example_situations()
    ray.kill(teacher.actor)
    assert teacher.advise([here])[0].reason.value == "error"
    assert teacher.budget_left() == 0
    assert teacher.lookup(here) is None
    assert teacher.service_metrics() == {}
    with pytest.raises(TeacherSpecError, match="no actor named 'nobody'"):
        RayTeacher("nobody").probe()


def test_a_model_that_cannot_be_asked_is_told_of_at_build(build, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelUnavailableError, match="no-such-provider"):
        build(echo("no-such-provider/model"))
    with pytest.raises(TeacherSpecError, match="no script 'nothing'"):
        build(echo("script:nothing"))
    with pytest.raises(TeacherSpecError, match="workers is 0"):
        RayTeacher.start(RIGHT, workers=0)


def test_one_teacher_for_several_trainings(build, started):
    teacher = started(Counting(right), workers=4)
    first = build(echo(teacher))
    first.train()
    asked = teacher.service_metrics()["calls"]
    assert 0 < asked <= 6  # three situations, and whoever meets one first
    first.stop()
    result = build(echo(RayTeacher(teacher.name))).train()
    assert result["teacher"]["calls"] >= asked  # it is still there
    assert learned(result)["coverage"] == 1
