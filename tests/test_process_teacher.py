"""A teacher in a process of its own: the same advice, counts and budget; it may even die."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    ScriptedTeacher,
    Situation,
    TeacherPPO,
    VecTeacher,
)
from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.teachers.process import ProcessTeacher
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.lessons import TASK


def situations(n):
    return [Situation(f"text {i}", ("a", "b"), np.eye(2, dtype=np.float32)) for i in range(n)]


def test_advice_counts_and_budget_are_those_of_the_teacher(tmp_path):
    """Five answers fit into the budget, one cannot be read; asked twice over."""

    def reply(body):
        return "no idea" if "text 3" in body["messages"][-1]["content"] else "Action: {b}"

    def ask(make, path):
        with FakeLLMServer(reply) as server:
            teacher = make(LLMTeacher(server.model, path, samples=1, budget={"calls": 5}))
            advices = [teacher.advise(situations(7)) for _ in range(2)]
            metrics = {**teacher.metrics(), "left": teacher.budget_left()}
            teacher.close()
            assert len(server.history) == 5
        metrics.pop("seconds")
        return [[(a.plans, a.confidence) for a in row] for row in advices], metrics

    there = ask(lambda teacher: ProcessTeacher(teacher, workers=1), tmp_path / "there.sqlite")
    assert there == ask(lambda teacher: teacher, tmp_path / "here.sqlite")
    assert there[1]["left"] == 0.0


def test_a_model_that_cannot_be_used_is_told_of_here():
    with FakeLLMServer(FakeReply("bad key", status=401)) as server:
        helper = ProcessTeacher(LLMTeacher(server.model, ":memory:"))
        with pytest.raises(ModelUnavailableError, match="got AuthenticationError"):
            helper.probe()
        helper.close()


def test_a_helper_that_dies_abstains_and_another_takes_over(tmp_path):
    path = tmp_path / "a.sqlite"
    (first, second, third) = situations(3)
    busy = threading.Event()

    def reply(body):
        if "text 1" in body["messages"][-1]["content"] and not busy.is_set():
            busy.set()
            return FakeReply("late", delay=60)
        return "Action: {a}"

    with FakeLLMServer(reply) as server:
        helper = ProcessTeacher(LLMTeacher(server.model, path, samples=1))
        assert not helper.advise([first])[0].abstained
        pid = helper._process.pid
        threading.Thread(
            target=lambda: (busy.wait(30), os.kill(pid, signal.SIGKILL)), daemon=True
        ).start()
        (lost,) = helper.advise([second])
        assert lost.source == "abstained: the teacher's process ended"
        assert [a.abstained for a in helper.advise([first, second, third])] == [False] * 3
        assert helper._process.pid != pid
        helper.close()


def test_what_is_on_its_way_at_the_end_is_kept(tmp_path):
    path = tmp_path / "a.sqlite"
    with FakeLLMServer(FakeReply("Action: {a}", delay=0.3)) as server:
        helper = ProcessTeacher(LLMTeacher(server.model, path, samples=1))
        future = helper._ask(situations(1)[0])
        deadline = time.monotonic() + 60
        while not server.history:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process = helper._process
        helper.close()
        assert future.result(1).abstained
        process.wait(60)
    assert len(Answers(path)) == 1


def test_the_training_process_never_loads_litellm(tmp_path):
    code = """
        import sys
        from stable_baselines3.common.env_util import make_vec_env
        from gym_llmteacher import GroundingWrapper, LLMTeacher, TeacherPPO, VecTeacher
        model = {"model": "openai/fake", "api_base": sys.argv[1], "api_key": "none"}
        teacher = LLMTeacher(model, sys.argv[2], "samples", samples=1)
        envs = make_vec_env(sys.argv[3], 2, seed=0, wrapper_class=GroundingWrapper)
        venv = VecTeacher(envs, teacher, process=True, late_timeout=30.0)
        student = TeacherPPO("MlpPolicy", venv, n_steps=32, batch_size=32, teacher_coef=1.0)
        student.learn(64)
        print((student.rollout_buffer.teacher_weights > 0).mean(), "litellm" in sys.modules)
        venv.close()
    """
    with FakeLLMServer("Action: {explore}") as server:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), server.url, str(tmp_path / "a"), TASK],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert len(server.history) >= 2
    assert done.stdout.split() == ["1.0", "False"], done.stderr
    assert done.stderr == ""


def test_late_answers_come_from_the_helper_too():
    envs = make_vec_env(TASK, 2, seed=0, wrapper_class=GroundingWrapper)
    venv = VecTeacher(envs, {"script": "door_key_planner"}, process=True, late_timeout=30.0)
    model = TeacherPPO("MlpPolicy", venv, n_steps=32, batch_size=32, teacher_coef=1.0, seed=0,
                       device="cpu").learn(64)  # fmt: skip
    assert (model.rollout_buffer.teacher_weights > 0).all()
    venv.close()


def test_one_that_closes_leaves_the_questions_of_another_alone(tmp_path):
    """Training and evaluation may have the same teacher; each `VecTeacher` has its own process."""
    (here,) = situations(1)
    arrived = threading.Event()

    def reply(body):
        arrived.set()
        return FakeReply("Action: {a}", delay=0.5)

    def wrap(teacher):
        return VecTeacher(make_vec_env(TASK, 1, wrapper_class=GroundingWrapper), teacher,
                          process=True)  # fmt: skip

    with FakeLLMServer(reply) as server:
        teacher = LLMTeacher(server.model, tmp_path / "a.sqlite", samples=1)
        training, evaluation = wrap(teacher), wrap(teacher)
        arrived.clear()  # the probes
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(training.teacher.advise, [here])
            assert arrived.wait(60)
            evaluation.close()
            assert [advice.abstained for advice in asked.result(60)] == [False]
        training.close()


def test_single_envs_share_a_process():
    teacher = ScriptedTeacher.named("door_key_planner")
    one, two = (LLMTeacherWrapper(gym.make(TASK), teacher, process=True) for _ in range(2))
    assert one.teacher is two.teacher
    assert one.reset(seed=0)[1]["teacher_weight"] == 1.0
    one.close()
    assert two.reset(seed=0)[1]["teacher_weight"] == 1.0
    one.teacher.close()
