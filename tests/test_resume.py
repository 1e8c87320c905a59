"""A training that is killed goes on where it was: same λ, same spend, same student."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.experiments.checkpoint import (
    FILE,
    read_checkpoint,
    restore,
    snapshot,
)
from gym_llmteacher.experiments.compare import compare
from gym_llmteacher.experiments.config import ComparisonConfig, Running, Teaching
from gym_llmteacher.experiments.student import make_student
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.testing import FakeLLMServer
from tests.resuming import in_parts, same_students

# The command line without the film at the end, which takes longer than all the rest.
WITHOUT_FILM = """
from gym_llmteacher.cli import main
from gym_llmteacher.experiments import compare
compare.film = lambda *args: None
main()
"""
KEY = "planted-key-0123456789"


@pytest.fixture(autouse=True)
def _without_film(monkeypatch):
    monkeypatch.setattr("gym_llmteacher.experiments.compare.film", lambda *args: None)


def config_for(folder, server, workers=1):
    return ComparisonConfig(
        teacher={
            "model": "openai/fake", "api_base": server.url, "api_key": KEY,
            "elicitation": "samples",
        },
        steps=1280, n_envs=2, eval_episodes=3, out=str(folder), students=("teacher",),
        running=Running(workers=workers, checkpoint_every=256),
    )  # fmt: skip


def answer(body):
    """The first option after exploring, so that something is done; slow, so that kills hit."""
    time.sleep(0.02)
    options = body["messages"][-1]["content"].split("Options:\n")[1].splitlines()
    return f"Action: {{{options[-1].removeprefix('- ')}}}"


def command(config, *more):
    return [
        sys.executable, "-c", WITHOUT_FILM, "train", "--teacher",
        json.dumps(config.teacher), "--steps", str(config.steps), "--n-envs", str(config.n_envs),
        "--episodes", str(config.eval_episodes), "--out", config.out, "--checkpoint-every",
        str(config.running.checkpoint_every), "--max-calls", "1000", "--students", "teacher",
        "--workers", str(config.running.workers), *more,
    ]  # fmt: skip


def killed_at(config, frames):
    """Start a training, and kill it without warning soon after it has passed ``frames``."""
    run = subprocess.Popen(command(config, "--resume"), stdout=subprocess.DEVNULL)
    while True:
        assert run.poll() is None, "it ended before it could be killed"
        done = read_checkpoint(config.folder, config.identity())
        student = done and done.student
        if student and student.curve and student.curve[-1][0] >= frames:
            break
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    return done


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 8])
def test_killed_and_resumed_it_ends_like_one_that_was_not(tmp_path, workers):
    with FakeLLMServer(answer) as server:
        whole = config_for(tmp_path / "whole", server, workers)
        (first,) = compare(whole, Console(quiet=True))
        asked = len(server.history) - 1  # and the probe
        server.history.clear()
        parts = config_for(tmp_path / "parts", server, workers)
        student = killed_at(parts, 512).student
        assert student.kind == "teacher"
        assert student.envs is not None
        subprocess.run(command(parts, "--resume"), check=True, stdout=subprocess.DEVNULL)
        # Nothing that was answered is asked again, the probe neither; the questions open at the
        # kill may be.
        assert asked <= len(server.history) - 1 <= asked + workers
    (run,) = json.loads((tmp_path / "parts" / "results.json").read_text())["runs"]
    assert run["frames"] == 1280
    assert [tuple(row) for row in run["curve"]] == first.curve
    assert run["sampled"] == vars(first.sampled)
    taught = [tuple(row) for row in run["taught"]]
    assert [row[:2] for row in taught] == [row[:2] for row in first.taught]  # λ
    assert taught[-1] == first.taught[-1]  # spend
    for name in ("calls", "prompt_tokens", "completion_tokens", "cost_usd"):
        assert run["teacher"][name] == first.teacher[name]
    same_students(tmp_path, "teacher-0.zip")
    assert Answers(tmp_path / "parts" / "answers.sqlite").spent().calls <= asked + workers
    secret = KEY.encode()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


def test_interrupted_anywhere_it_ends_in_the_same_weights(tmp_path, monkeypatch):
    """Again and again after a checkpoint, in the middle of episodes, of both students."""
    config = ComparisonConfig(
        teacher={"script": "door_key_planner"}, steps=1024, n_envs=2, eval_episodes=2,
        teaching=Teaching({"shape": "adaptive", "plateau_steps": 256, "decay_steps": 256}),
        out=str(tmp_path / "whole"), running=Running(checkpoint_every=1),
    )  # fmt: skip
    whole = compare(config, Console(quiet=True))
    runs, stopped = in_parts(
        config, tmp_path / "parts", 6, lambda student: (student.kind, len(student.curve)),
        monkeypatch,
    )  # fmt: skip
    assert stopped == [(kind, rollouts) for kind in ("teacher", "ppo") for rollouts in (1, 2, 3)]
    for run, mine in zip(runs, whole, strict=True):
        assert (run.curve, run.taught) == (mine.curve, mine.taught)
        assert (run.sampled, run.greedy) == (mine.sampled, mine.greedy)
        assert run.teacher == mine.teacher
    same_students(tmp_path, "teacher-0.zip", "ppo-0.zip")


@pytest.mark.filterwarnings("ignore:.*env.*")
def test_envs_that_cannot_be_pickled_begin_new_episodes(tmp_path):
    """λ, step count and weights go on all the same."""
    config = ComparisonConfig(teacher={"script": "door_key_planner"}, steps=512, n_envs=2,
                              out=str(tmp_path))  # fmt: skip
    model = make_student(config, "teacher", 0)
    model.get_env().envs[0].unwrapped.window = threading.Lock()
    model.learn(512)
    student = snapshot(model, "teacher", 0, [], [], 0.0)
    assert student.envs is None
    again = restore(student, make_student(config, "teacher", 0), {})
    assert (again.num_timesteps, again.current_coef) == (512, model.current_coef)
    again.learn(512, reset_num_timesteps=False)
    assert again.num_timesteps == 1024


def test_a_finished_comparison_is_not_trained_again(tmp_path):
    config = ComparisonConfig(
        teacher={"script": "door_key_planner"}, steps=256, n_envs=2, eval_episodes=2,
        out=str(tmp_path), students=("teacher",),
    )  # fmt: skip
    (before,) = compare(config, Console(quiet=True))
    written = (tmp_path / "teacher-0.zip").stat().st_mtime_ns
    (after,) = compare(config, Console(quiet=True), resume=True)
    assert after == before
    assert (tmp_path / "teacher-0.zip").stat().st_mtime_ns == written


def test_without_a_checkpoint_it_begins(tmp_path):
    config = ComparisonConfig(steps=256, n_envs=2, eval_episodes=2, out=str(tmp_path),
                              students=("ppo",))  # fmt: skip
    (run,) = compare(config, Console(quiet=True), resume=True)
    assert run.frames == 256


def test_other_settings_are_refused(tmp_path):
    config = ComparisonConfig(steps=256, n_envs=2, eval_episodes=2, out=str(tmp_path),
                              students=("ppo",))  # fmt: skip
    compare(config, Console(quiet=True))
    other = ComparisonConfig(steps=512, n_envs=2, eval_episodes=2, out=str(tmp_path),
                             students=("ppo",))  # fmt: skip
    with pytest.raises(CheckpointError, match=r"other settings.*--out"):
        compare(other, Console(quiet=True), resume=True)
    (tmp_path / FILE).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="cannot be read"):
        compare(config, Console(quiet=True), resume=True)
