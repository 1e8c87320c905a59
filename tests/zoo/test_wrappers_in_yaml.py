"""Wrappers of this package that are named in YAML, in the zoo's own commands and in ours."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TASK = "LLMTeacher/SimpleDoorKey-v0"
PLANNER = "script:door_key_planner"
RUN = f"--env {TASK} -conf conf.yml -f logs --eval-freq -1 --seed 1"


def write(wrappers, features):
    kwargs = f"dict(features_extractor_class=__import__('gym_llmteacher').{features})"
    entry = {"n_envs": 2, "n_timesteps": 256, "policy": "MultiInputPolicy", "n_steps": 64,
             "batch_size": 64, "env_wrapper": wrappers, "policy_kwargs": kwargs}  # fmt: skip
    Path("conf.yml").write_text(yaml.safe_dump({TASK: entry}))


@pytest.mark.parametrize(
    ("name", "arguments", "features"),
    [
        ("AskingWrapper", {"teacher": PLANNER, "noop_action": 6}, "ChangeFeatures"),
        ("SubgoalWrapper", {"teacher": PLANNER, "dropout": 0.3}, "SubgoalFeatures"),
    ],
)
def test_the_zoos_own_training(name, arguments, features, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write([{f"gym_llmteacher.{name}": arguments}], features)
    command = [sys.executable, "-m", "rl_zoo3.train", "--algo", "ppo", *RUN.split()]
    done = subprocess.run(
        [*command, "--gym-packages", "gym_llmteacher"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(Path("logs/ppo").glob("*/*.zip"))


def test_subgoals_around_a_teacher_that_is_asked_at_reset(zoo):
    taught = {"gym_llmteacher.LLMTeacherWrapper": {"teacher": PLANNER, "ask": "at_reset"}}
    shown = {"gym_llmteacher.SubgoalWrapper": {"teacher": PLANNER}}
    write([taught, shown], "SubgoalFeatures")
    out = zoo(f"train --algo teacher_ppo {RUN}")
    assert "saved_at_reset" in out
    assert list(Path("logs/teacher_ppo").glob("*/*.zip"))
