"""What a person may get wrong: one line says what was got, what was expected, and the cure."""

import json
import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import (
    GroundingError,
    GroundingWrapper,
    LLMTeacherWrapper,
    OptionGrounding,
    OptionsWrapper,
    ScriptedTeacher,
    Situation,
    TeacherError,
    TeacherSpecError,
)
from gym_llmteacher.cli import main
from gym_llmteacher.teachers.make import make_teacher
from gym_llmteacher.testing import check_grounding
from tests.mistakes import CALLS, COMMANDS, SHORT, call
from tests.tagging import AsDict

LAKE = "FrozenLake-v1"


@pytest.fixture
def said(capsys, tmp_path, monkeypatch):
    """Runs a command; returns the exit status, and what was said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gym_llmteacher.experiments.compare.film", lambda *args: None)

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["gym-llmteacher", *map(str, args)])
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return left.value.code, " ".join((shown.out + shown.err).split())

    return run


def test_an_earlier_training_is_not_overwritten(said, tmp_path):
    out = tmp_path / "run"
    assert said("train", "--env", LAKE, "--out", out, *SHORT)[0] == 0
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.name != ".lock"}
    code, words = said("train", "--env", "CartPole-v1", "--out", out, *SHORT)
    assert code == 2
    assert f"has a training of {LAKE} in it" in words
    assert "--resume" in words
    assert "--overwrite" in words
    code, words = said("train", "--env", "CartPole-v1", "--out", out, "--resume", *SHORT)
    assert code == 2
    assert f'env was "{LAKE}" and is "CartPole-v1"' in words
    assert "steps was" not in words
    # A typo is found before anything is touched.
    assert said("train", "--env", "CartPoll-v1", "--out", out, "--overwrite", *SHORT)[0] == 2
    after = {path.name: path.read_bytes() for path in out.iterdir() if path.name != ".lock"}
    assert before == after
    (out / "answers.sqlite").write_bytes(b"")
    assert said("train", "--env", "CartPole-v1", "--out", out, "--overwrite", *SHORT)[0] == 0
    assert json.loads((out / "config.json").read_text())["env"] == "CartPole-v1"
    assert (out / "answers.sqlite").exists()


def test_a_student_is_evaluated_where_it_was_trained(said, tmp_path):
    assert said("train", "--env", "CartPole-v1", *SHORT)[0] == 0
    student = tmp_path / "runs" / "CartPole-v1" / "ppo-0.zip"
    code, words = said("evaluate", student, "--episodes", 5)
    assert code == 0
    assert "CartPole-v1, 5 episodes" in words
    assert "0.0%" in words  # far from 500 steps
    code, words = said("watch", student, "--episodes", 2, "--fps", 1e9)
    assert code == 0
    assert "Episode 1: not solved in" in words
    assert "▀" in words


@pytest.mark.parametrize(("arguments", "expected"), COMMANDS)
def test_commands(said, tmp_path, arguments, expected):
    (tmp_path / "file").write_text("no student")
    code, words = said(*arguments)
    assert code == 2
    assert expected in words.replace("│ ", "").replace(" │", "")
    assert len(words) < 1200


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", CALLS)
def test_calls(code):
    error = call(code)
    assert isinstance(error, TeacherError), code
    assert "expected" in str(error) or "Cure" in str(error) or "did you mean" in str(error)
    assert len(str(error)) < 700


def test_there_are_forty():
    assert len(COMMANDS) + len(CALLS) >= 40


def test_dict_observations_have_their_own_policy(said):
    gym.register("tests/Words-v0", lambda: AsDict(gym.make("CartPole-v1")))
    assert said("train", "--env", "tests/Words-v0", *SHORT)[0] == 0


def test_a_misspelt_option_is_told_of():
    env = LLMTeacherWrapper(gym.make(LAKE), ScriptedTeacher(lambda situation: ("right",)))
    with pytest.warns(UserWarning, match=r"said 'right'.*Did it mean 'go right'\?"):
        env.reset(seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env.step(0)  # once


def test_a_script_of_ones_own_raises_what_it_raises():
    with pytest.raises(KeyError):
        ScriptedTeacher(lambda situation: {}["x"]).advise(
            [Situation("text", ("a",), np.eye(1, dtype=np.float32))]
        )
    with pytest.raises(TeacherSpecError, match="script:taxi_planner"):
        make_teacher("taxi_planner")


def valley():
    push = {-1.0: lambda obs: np.array([-1.0], np.float32), 1.0: lambda obs: np.ones(1, np.float32)}
    return OptionGrounding(
        lambda obs: "in the valley", {"left": push[-1.0], "right": push[1.0]}, task="get up"
    )


def test_a_grounding_for_actions_that_are_not_discrete_is_fine():
    grounding = valley()
    assert check_grounding(gym.make("MountainCarContinuous-v0"), grounding) == []
    env = OptionsWrapper(gym.make("MountainCarContinuous-v0"), grounding=grounding)
    assert check_grounding(env, grounding) == []
    env = LLMTeacherWrapper(env, ScriptedTeacher(lambda situation: ("left",)), grounding)
    _, info = env.reset(seed=0)
    assert info["teacher_prior"].argmax() == 0
    with pytest.raises(GroundingError, match="expected Discrete"):
        GroundingWrapper(gym.make("MountainCarContinuous-v0"), grounding)


@pytest.mark.parametrize("how", [["-m", "gym_llmteacher"], ["-m", "gym_llmteacher.cli"]])
def test_the_version(how):
    ran = subprocess.run([sys.executable, *how, "--version"], capture_output=True, text=True)
    assert ran.stdout == "gym-llmteacher 0.1.0\n"
