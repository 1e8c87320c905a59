"""The fault lab: whatever a server does, requests are bounded, counted, and training ends."""

import json
import math
import threading

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    ActionGrounding,
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    Situation,
    TeacherPPO,
    VecTeacher,
)
from gym_llmteacher.errors import CallFailedError
from gym_llmteacher.llm.client import Client
from gym_llmteacher.testing import FakeLLMServer, FakeReply

RETRIES = 2
GOOD = "Action: {a}"
HOUR = {"Retry-After": "3600"}
SOON = {"Retry-After": "0.01"}


def chat(message):
    return FakeReply(body=json.dumps({"choices": [{"index": 0, "message": message}]}))


# What the server does, how many requests one question takes, and what it is counted as.
FAULTS = {
    "timeout": (FakeReply(GOOD, delay=5.0), 1 + RETRIES, "failed"),
    "hang": (FakeReply(GOOD, delay=math.inf), 1 + RETRIES, "failed"),
    "drip": (FakeReply(GOOD, drip=0.02), 1 + RETRIES, "failed"),
    "429": (FakeReply("slow down", status=429), 1 + RETRIES, "failed"),
    "429, soon": (FakeReply("slow down", status=429, headers=SOON), 1 + RETRIES, "failed"),
    "429, in an hour": (FakeReply("slow down", status=429, headers=HOUR), 1, "failed"),
    "500": (FakeReply("boom", status=500), 1 + RETRIES, "failed"),
    "503": (FakeReply("overloaded", status=503), 1 + RETRIES, "failed"),
    "reset": (FakeReply(GOOD, cut=0), 1 + RETRIES, "failed"),
    "reset in mid-reply": (FakeReply(GOOD, cut=40), 1 + RETRIES, "failed"),
    "truncated JSON": (FakeReply(body='{"choices": [{"message": {"con'), 1 + RETRIES, "failed"),
    "wrong schema": (FakeReply(body='{"answer": 42}'), 1 + RETRIES, "failed"),
    "wrong types": (FakeReply(body='{"choices": 42}'), 1 + RETRIES, "failed"),
    "no choices": (FakeReply(body='{"choices": []}'), 1, "failed"),
    "empty body": (FakeReply(body=""), 1 + RETRIES, "failed"),
    "no JSON": (FakeReply(body="<html>gateway</html>"), 1 + RETRIES, "failed"),
    "empty": (FakeReply(""), 1, "failed"),
    "a megabyte": (FakeReply("blah " * 200_000), 1, "parse_failed"),
    "refusal": (FakeReply("I'm sorry, but I cannot help with that."), 1, "parse_failed"),
    "refusal field": (chat({"role": "assistant", "content": None, "refusal": "no"}), 1, "failed"),
    "unicode": (FakeReply("Action: {\u202egо\ufffd 去拿钥匙 \U0001f511\x00}"), 1, "parse_failed"),
    "unknown options": (FakeReply("Action: {fly, teleport}"), 1, "parse_failed"),
    "refused by policy": (FakeReply("content_policy_violation", status=400), 1, "failed"),
}  # fmt: skip


def teacher_for(server, **kwargs):
    teacher = LLMTeacher(server.model, ":memory:", samples=1, max_retries=RETRIES,
                         **{"timeout": 20.0, **kwargs})  # fmt: skip
    teacher.oracle.client.sleep = lambda seconds: None
    return teacher


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """litellm's first request takes longer than the time-outs here."""
    with FakeLLMServer() as server:
        Client("openai/fake", {"api_base": server.url, "api_key": "none"}).ask(
            [{"role": "user", "content": "hello"}]
        )


class Words(gym.Env):
    """Three texts, one after the other, for ever."""

    observation_space = gym.spaces.Box(0, 3, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.now = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.now += 1
        return np.array([self.now % 3], np.float32), float(action == 0), self.now == 30, False, {}


def grounding():
    return ActionGrounding(lambda obs: f"text {int(obs[0])}", ["a", "b"], task="say a")


@pytest.mark.parametrize("name", FAULTS)
def test_training_reaches_its_end(name):
    fault, requests, counter = FAULTS[name]
    timeout = 0.1 if name in ("timeout", "hang", "drip") else 20.0
    with FakeLLMServer(fault) as server:
        teacher = teacher_for(server, timeout=timeout, deadline=60.0)
        teacher.probe = lambda: None
        env = make_vec_env(lambda: LLMTeacherWrapper(Words(), teacher, grounding()), 1)
        model = TeacherPPO("MlpPolicy", env, n_steps=64, n_epochs=1, teacher_coef=1.0, seed=0,
                           device="cpu").learn(128)  # fmt: skip
        asked = len(server.history)
    assert model.num_timesteps == 128
    assert all(th.isfinite(p).all() for p in model.policy.parameters())
    assert (model.rollout_buffer.teacher_weights == 0).all()
    # 129 observations, 43 or so of each text. What failed is tried again after 32 of them; what
    # was answered is kept. Both well below the eight failures that open the breaker.
    questions = {"failed": 6, "parse_failed": 3}[counter]
    assert asked == questions * requests == teacher.oracle.budget.spent.calls
    totals = teacher.metrics()
    assert totals[counter] == questions
    others = {"failed", "parse_failed", "over_budget"} - {counter}
    assert all(totals[other] == 0 for other in others)
    assert totals["asked"] == totals["abstained"] == 129
    assert totals["deferred"] == (129 - 6 if counter == "failed" else 0)


def test_refused_connections_are_bounded_too():
    server = FakeLLMServer(GOOD)
    server.stop()
    teacher = teacher_for(server)
    (advice,) = teacher.advise([Situation("text", ("a", "b"), np.eye(2, dtype=np.float32))])
    assert advice.abstained
    assert teacher.oracle.budget.spent.calls == 1 + RETRIES  # nobody else is there to count
    assert teacher.metrics()["failed"] == 1


def test_a_question_has_a_deadline():
    """Three attempts of five seconds each would be allowed, but not fifteen seconds."""
    with FakeLLMServer(FakeReply(GOOD, delay=math.inf)) as server:
        client = Client("openai/fake", {"api_base": server.url, "api_key": "none"}, timeout=5.0,
                        deadline=0.3)  # fmt: skip
        with pytest.raises(CallFailedError, match="did not answer"):
            client.ask([{"role": "user", "content": "hello"}])
        assert len(server.history) == 1


def test_the_breaker_bounds_what_a_dead_server_is_sent():
    """A thousand questions, eight of which are asked."""
    situations = [Situation(f"{i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(1000)]
    with FakeLLMServer(FakeReply("down", status=503)) as server:
        teacher = teacher_for(server)
        assert all(advice.abstained for advice in teacher.advise(situations))
        assert len(server.history) == 8 * (1 + RETRIES)
    totals = teacher.metrics()
    assert (totals["failed"], totals["deferred"], totals["abstained"]) == (8, 992, 1000)


def test_a_server_that_is_down_in_the_middle_of_a_training():
    """New texts all the time; for the middle third the server refuses connections."""
    frames, phase, taught = 384, [], []
    words = ActionGrounding(lambda obs, env: f"text {env.unwrapped.total}", ["a", "b"])

    class Counting(Words):
        total = 0

        def step(self, action):
            Counting.total += 1
            return super().step(action)

    with FakeLLMServer(GOOD) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, max_retries=0)
        clock = [0.0]
        teacher.oracle.client.endpoint.breaker.clock = lambda: clock[0]
        venv = VecTeacher(
            make_vec_env(lambda: GroundingWrapper(Counting(), words), 1), teacher, late_timeout=20.0
        )
        model = TeacherPPO("MlpPolicy", venv, n_steps=32, batch_size=32, n_epochs=1,
                           teacher_coef=1.0, seed=0, device="cpu")  # fmt: skip

        def outage(local, _):
            third = local["self"].num_timesteps * 3 // (frames + 1)
            clock[0] += 5.0  # the breaker tries again after six steps
            if phase[-1:] != [third]:
                phase.append(third)
                [lambda: None, server.stop, server.start][third]()
            return True

        train = model.train

        def watched():
            train()
            taught.append(float((model.rollout_buffer.teacher_weights > 0).mean()))

        model.train = watched
        model.learn(frames, callback=outage)
        venv.close()
    assert phase == [0, 1, 2]
    assert model.num_timesteps == frames
    # Rollouts 4 and 8 hold what was on its way when the server went, and when it came back.
    assert taught[:4] == [1.0] * 4
    assert taught[5:8] == [0.0] * 3
    assert taught[9:] == [1.0] * 3
    totals = teacher.metrics()
    # Eight in a row, those already on their way, and a trial every six steps.
    assert totals["failed"] <= 8 + 16 + 128 / 6
    assert totals["failed"] + totals["deferred"] == totals["abstained"]


def test_the_server_can_be_stopped_and_started_again():
    server = FakeLLMServer(GOOD)
    url = server.url
    client = Client("openai/fake", {"api_base": url, "api_key": "none"}, max_retries=0)
    hello = [{"role": "user", "content": "hello"}]
    client.ask(hello)
    before = threading.active_count()  # with those of other tests, and those that litellm keeps
    for _ in range(2):
        assert client.ask(hello).texts == (GOOD,)
        server.stop()
        with pytest.raises(CallFailedError):
            client.ask(hello)
        server.start()
        assert server.url == url
    assert len(server.history) == 3
    server.stop()
    assert threading.active_count() <= before
