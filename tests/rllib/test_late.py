"""Answers that come late are filled in before the batch is learned from, if they come in time."""

import pytest

from gym_llmteacher import ScriptedTeacher
from gym_llmteacher.testing import FakeLLMServer
from tests.drive import script
from tests.rllib.small import drive, echo, learned


@pytest.fixture
def gate(monkeypatch):
    """A model that answers when its gate is opened."""
    import threading

    monkeypatch.setenv("OPENAI_API_KEY", "fake-key-for-tests")
    opened = threading.Event()

    def answer(body):
        said = body["messages"][-1]["content"]
        if "echo " not in said:
            return "Action: {0}"  # the probe
        opened.wait(30)
        return f"Action: {{{said.split('echo ', 1)[1][0]}}}"

    with FakeLLMServer(answer) as server:
        opened.spec = {"model": "openai/fake", "api_base": server.url, "api_key": "none",
                       "samples": 1, "elicitation": "samples"}  # fmt: skip
        yield opened
        opened.set()


def test_what_is_later_still_abstains_and_is_there_next_time(build, gate, tmp_path):
    made = echo(gate.spec, late_timeout=0.0, workers=4)
    made.teacher_service["answers"] = str(tmp_path / "answers.sqlite")
    algorithm = build(made)
    result = algorithm.train()
    assert learned(result)["coverage"] == 0
    first = result["env_runners"]["teacher"]
    assert first["late"] > 50
    assert first["came_late"] == 0
    gate.set()
    algorithm.env_runner.adviser.late_timeout = 20.0
    second = algorithm.train()
    assert learned(second)["coverage"] == 1
    taught = second["env_runners"]["teacher"]
    assert taught["came_late"] > 0
    assert second["teacher"]["calls"] == 4  # three situations, and the probe


def infos_of(algorithm, n=40):
    algorithm.env_runner.set_teaching(True)
    episodes = algorithm.env_runner.sample(num_timesteps=n)
    return [list(episode.infos.data) for episode in episodes]


@pytest.mark.parametrize("dims", [1, 2])
def test_nothing_but_numbers_travels(build, dims):
    late = {"late_timeout": 0.0} if dims == 1 else {}
    made = echo(**late) if dims == 1 else drive(ScriptedTeacher(script))
    algorithm = build(made)
    for infos in [*infos_of(algorithm), *infos_of(algorithm)]:
        for info in infos:
            assert set(info) <= {"teacher_prior", "teacher_weight", "is_success"}


def test_the_first_observation_of_a_chunk_is_taught_though_its_answer_came_after_the_cut(
    build, gate, tmp_path
):
    made = echo(gate.spec, late_timeout=0.0, envs=1)
    made.teacher_service["answers"] = str(tmp_path / "answers.sqlite")
    algorithm = build(made)
    (before, *_) = infos_of(algorithm, 2)
    assert [info["teacher_weight"] for info in before] == [0.0] * 3
    gate.set()
    algorithm.env_runner.adviser.late_timeout = 20.0
    (after, *_) = infos_of(algorithm, 2)
    assert [info["teacher_weight"] for info in after[-3:]] == [1.0] * 3
    assert "teacher_pending" not in before[-1]
