"""The command line as a person uses it."""

import json
import subprocess
import sys

import pytest
from PIL import Image
from stable_baselines3 import PPO

from gym_llmteacher.cli import main
from gym_llmteacher.cli_options import teacher_spec
from tests.command_line import run

SMALL = ["train", "--steps", "1024", "--n-envs", "2", "--episodes", "4"]
PLANNER = ["--teacher", "script:door_key_planner"]


def test_help_reads_like_a_manual():
    assert "needs no key and no network" in run("--help").replace("\n", " ").replace("  ", " ")
    for command in ("train", "evaluate", "ask"):
        text = run(command, "--help")
        assert "--env" in text
        assert "--teacher" in text


@pytest.mark.slow
def test_train_with_the_embedded_model_then_evaluate_the_student(tmp_path):
    """The demo, small: every file it promises is there and is what it says."""
    text = run(*SMALL, "--out", tmp_path / "out", "--seeds", "0,1")
    assert "local/smollm2-135m" in text
    table = text.split("episodes per evaluation")[1].splitlines()
    rows = [line for line in map(str.strip, table) if line.lower().startswith(("teacher", "plain"))]
    assert [" ".join(row.split()[:2]) for row in rows] == [
        "teacher 100.0%", "TeacherPPO 0", "plain PPO", "TeacherPPO 1", "plain PPO",
    ]  # fmt: skip
    out = tmp_path / "out"
    for name in ("curve.png", "student.gif", "results.md", "results.json", "answers.sqlite",
                 "config.json", "teacher-0.zip", "teacher-1.zip", "ppo-0.zip"):  # fmt: skip
        assert (out / name).stat().st_size > 100, name
    for name in ("curve.png", "student.gif", "teacher-0.zip", "answers.sqlite"):
        assert name in text
    results = json.loads((out / "results.json").read_text())
    assert [run["kind"] for run in results["runs"]] == ["teacher", "ppo"] * 2
    assert results["runs"][0]["teacher"]["calls"] >= 1
    assert results["runs"][0]["frames"] == 1024
    with Image.open(out / "student.gif") as film:
        assert film.n_frames > 3
    assert PPO.load(out / "teacher-0.zip").num_timesteps == 1024
    text = run("evaluate", out / "teacher-0.zip", "--episodes", 5)
    assert "teacher-0.zip" in text
    assert text.count("%") == 2


def test_train_one_arm_with_a_schedule(tmp_path):
    text = run(
        *SMALL, *PLANNER, "--students", "teacher", "--out", tmp_path,
        "--coef", '{"shape": "linear", "start": 2, "steps": 500}',
    )  # fmt: skip
    assert "plain PPO" not in text.replace("loads in plain PPO", "")
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["teaching"]["coef"]["start"] == 2
    assert not (tmp_path / "answers.sqlite").exists()


def test_evaluate_a_teacher_alone():
    text = run("evaluate", *PLANNER, "--episodes", 10)
    assert text.count("100.0%") == 2


def test_ask_shows_everything(tmp_path):
    text = run("ask", "--seed", 3, "--after", 40, "--answers", tmp_path / "a.sqlite")
    for part in ("Task: get the key, then open the door", "Agent sees", "Options",
                 "It now needs the", "Replies", "probability of", "Prior (weight 1.00)",
                 "tokens in"):  # fmt: skip
        assert part in text, part
    again = run("ask", "--seed", 3, "--after", 40, "--answers", tmp_path / "a.sqlite")
    assert "read from the" in again
    text = run("ask", *PLANNER)
    assert "explore" in text
    assert "tokens" not in text


def test_estimate_tells_the_price():
    text = run("estimate", "--teacher", "openai/gpt-4o-mini", "--frames", 500)
    for part in ("distinct situations", "requests", "tokens sent", "US dollars", "(at most 0.0"):
        assert part in text, part
    assert "costs nothing" in " ".join(run("estimate", *PLANNER, code=2).split())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--students", "teacher,dqn"], "expected some of teacher, ppo"),
        (["--seeds", "one"], "expected whole numbers"),
        (["--coef", "{"], "neither a number nor JSON"),
        (["--steps", "0"], "Invalid value for '--steps'"),
    ],
)
def test_bad_options(args, message, tmp_path):
    text = run("train", "--out", tmp_path, *args, code=2)
    assert message in " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["ask", "--env", "Acrobot-v1", *PLANNER], "no grounding knows Acrobot-v1"),
        (["ask", "--env", "NoSuchEnv-v0"], "NoSuchEnv"),
        (["train", "--teacher", "nonsense/model", "--steps", "64"], "nonsense/model"),
        (["evaluate", "missing.zip"], "expected a zip saved by"),
        (["train", "--coef", "-1", "--steps", "64", *PLANNER], "teacher_coef is -1"),
    ],
)
def test_errors_are_for_people(args, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gym-llmteacher", *args])
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Error:")
    assert message in " ".join(shown.split())


def test_teacher_spec():
    assert teacher_spec("ollama_chat/qwen3") == "ollama_chat/qwen3"
    assert teacher_spec('{"model": "openai/x"}') == {"model": "openai/x"}


def test_it_starts_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "gym_llmteacher.cli", "--help"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "evaluate" in done.stdout
