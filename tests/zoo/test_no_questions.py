"""Evaluation, playing and filming never spend a question."""

import sys
import types

import pytest

from gym_llmteacher import ScriptedTeacher
from gym_llmteacher.testing import FakeLLMServer

ENV = "LLMTeacher/SimpleDoorKey-v0"


class Counting(ScriptedTeacher):
    """Counts every time it is asked, known answers included."""

    def __init__(self):
        super().__init__(lambda situation: ("explore",))
        self.asked = 0

    def advise(self, situations):
        self.asked += len(situations)
        return super().advise(situations)


@pytest.fixture
def teacher(monkeypatch):
    """A counting teacher, and a config of the zoo that names it."""
    teacher = Counting()
    entry = {"gym_llmteacher.LLMTeacherWrapper": {"teacher": teacher}}
    settings = {"n_timesteps": 128, "n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 1,
                "policy": "MlpPolicy", "env_wrapper": [entry], "teacher_coef": 1.0}  # fmt: skip
    config = types.ModuleType("counting_config")
    config.hyperparams = {ENV: settings}
    monkeypatch.setitem(sys.modules, "counting_config", config)
    return teacher


@pytest.mark.parametrize("eval_freq", [-1, 32])
def test_only_the_observations_of_training_are_asked_about(zoo, teacher, eval_freq):
    common = f"--algo teacher_ppo --env {ENV} -f logs"
    out = zoo(f"train {common} -conf counting_config --eval-freq {eval_freq} --eval-episodes 3")
    assert ("New best" in out) == (eval_freq > 0)
    assert teacher.asked == 128 + 2  # one per step, and the first of both envs
    assert "1 Episodes" in zoo(f"enjoy {common} -n 200 --no-render")
    zoo(f"record_video {common} -n 5 -o films")
    assert teacher.asked == 130


def test_a_language_model_is_asked_in_training_only(zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "fake-key-for-tests")
    with FakeLLMServer("Action: {explore}") as server:
        typed = f'{{"model":"openai/fake","api_base":"{server.url}"}}'
        common = f"--algo teacher_ppo --env {ENV} -f logs"
        zoo(
            f"train {common} -n 64 --eval-freq 32 --eval-episodes 1 -params n_envs:1 n_steps:32",
            "--answers", "a.sqlite", "--teacher", typed, "--elicitation", "samples",
        )  # fmt: skip
        asked = len(server.history)
        assert asked > 0
        zoo(f"enjoy {common} -n 100 --no-render")
        assert len(server.history) == asked
    assert (tmp_path / "a.sqlite").exists()
