"""The examples run as they stand, and do what they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, folder, *args):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *args],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_quickstart(tmp_path):
    out = run("quickstart.py", tmp_path, "15000")
    assert (tmp_path / "student.zip").exists()
    assert float(re.search(r"100 episodes: ([\d.]+)", out).group(1)) > 0.4


@pytest.mark.slow
def test_custom_env(tmp_path):
    assert len((EXAMPLES / "custom_env.py").read_text().splitlines()) < 40
    reached = int(re.search(r"goal reached in (\d+)", run("custom_env.py", tmp_path)).group(1))
    assert reached > 50  # plain PPO: 12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "frames", "pattern", "at_least"),
    [
        ("frozen_lake.py", "16000", r"goal reached in (\d+)%", 40),
        ("taxi.py", "20000", r"100 rides: (-?[\d.]+)", -100),
        ("babyai_mission.py", "8192", r"100 missions: ([\d.]+)", 0.6),
        ("subproc_vec_env.py", "16000", r"goal reached in (\d+)%", 40),
        ("dqn_student.py", "6000", r"100 walks: (-[\d.]+)", -20),  # plain DQN: -200
        ("teach_a_trained_student.py", "4096", r"before, in (\d+)% after", 80),
        ("hindsight.py", "8000", r"arrived: (\d+) of 100", 90),
    ],
)
def test_examples_by_env_id(tmp_path, name, frames, pattern, at_least):
    assert float(re.search(pattern, run(name, tmp_path, frames)).group(1)) >= at_least


def test_reflect(tmp_path):
    out = run("reflect.py", tmp_path)
    assert "rule: Get the key" in out
    assert "opens 100% of 20 doors" in out


def test_cascade(tmp_path):
    out = run("cascade.py", tmp_path)
    sources = re.findall(r"^(model|script) +Agent sees", out, re.MULTILINE)
    assert sources[0] == "model"
    assert sources[-1] == "script"
    assert int(re.search(r"(\d+) times the script", out).group(1)) > 50
    assert int(re.search(r"(\d+) of 10 doors", out).group(1)) >= 9


@pytest.mark.slow
def test_learned_asking(tmp_path):
    out = run("learned_asking.py", tmp_path, "8000")
    assert int(re.search(r"(\d+)% of 50 doors", out).group(1)) >= 90
    assert int(re.search(r"(\d+)% of the questions saved", out).group(1)) >= 50


@pytest.mark.slow
def test_subgoals(tmp_path):
    out = run("subgoals.py", tmp_path, "8192")
    assert len(re.findall(r"(\d+)% of 100 doors", out)) == 2


@pytest.mark.slow
def test_curriculum(tmp_path):
    out = run("curriculum.py", tmp_path, "4096")
    assert re.search(r"cycle 1: \d+% in the original, rooms of \[5, 6\]", out)
    assert re.search(r"cycle 2: \d+% in the original, rooms of \[\d, \d\]", out)
