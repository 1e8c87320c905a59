"""Every command does for a taught algorithm what it does for the zoo's own."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from rl_zoo3.exp_manager import ExperimentManager
from stable_baselines3 import A2C, DQN, PPO

from gym_llmteacher.zoo.commands import main

DOOR = "--algo teacher_ppo --env MiniGrid-DoorKey-5x5-v0 -f logs"
CART = "--env CartPole-v1 -f logs --teacher script:cart_pole_planner --seed 1"
SAVED = "logs/teacher_ppo/MiniGrid-DoorKey-5x5-v0_1"


def test_train_enjoy_film_plot_and_benchmark(zoo, tmp_path):
    out = zoo(
        f"train {DOOR} --teacher script:mission_planner -n 2048 --eval-freq 2048 --eval-episodes 1 "
        "--seed 1"
    )
    assert "eval/" in out
    assert float(re.search(r"coverage\s+\| ([\d.]+)", out).group(1)) > 0.9
    student = f"{SAVED}/MiniGrid-DoorKey-5x5-v0.zip"
    assert type(PPO.load(student)) is PPO
    assert Path(f"{SAVED}/best_model.zip").exists()
    saved = yaml.load(
        Path(f"{SAVED}/MiniGrid-DoorKey-5x5-v0/config.yml").read_text(), yaml.UnsafeLoader
    )
    assert saved["env_wrapper"] == "minigrid.wrappers.FlatObsWrapper"
    assert saved["teacher"] == {"teacher": "script:mission_planner"}

    assert "Mean reward" in zoo(f"enjoy {DOOR} -n 300 --no-render")
    zoo(f"record_video {DOOR} -n 20 -o films")
    (film,) = Path("films").glob("*.mp4")
    assert film.stat().st_size > 1000
    zoo("plot_train -a teacher_ppo -e MiniGrid -f logs")
    zoo("benchmark --log-dir logs --benchmark-dir bench --no-hub -n 260 --num-threads 1")
    assert "|teacher_ppo|MiniGrid-DoorKey-5x5-v0|" in Path("bench/benchmark.md").read_text()


@pytest.mark.parametrize(("algo", "parent"), [("teacher_a2c", A2C), ("teacher_dqn", DQN)])
def test_the_other_algorithms_take_their_parents_entries(zoo, algo, parent):
    fast = ["-params", "learning_starts:32"] if parent is DQN else []
    out = zoo(f"train --algo {algo} {CART} -n 320 --eval-freq -1", *fast)
    assert f"{algo.removeprefix('teacher_')}.yml" in out
    parent.load(f"logs/{algo}/CartPole-v1_1/CartPole-v1.zip")


def test_two_trials_of_a_search(zoo, monkeypatch):
    asked = []
    create = ExperimentManager.create_envs

    def watched(self, n_envs, eval_env=False, no_log=False):
        envs = create(self, n_envs, eval_env, no_log)
        asked.append((eval_env, envs.has_attr("teacher_metrics")))
        return envs

    monkeypatch.setattr(ExperimentManager, "create_envs", watched)
    out = zoo(
        f"optimize --algo teacher_a2c {CART} -n 128 --n-trials 2 --n-startup-trials 1 "
        "--n-evaluations 1 --eval-episodes 1 --no-optim-plots",
    )
    assert "Number of finished trials:  2" in out
    assert sorted(asked) == [(False, True)] * 3 + [(True, False)] * 2
    (report,) = Path("logs/teacher_a2c").glob("report_*.csv")
    assert len(report.read_text().splitlines()) == 3


def test_a_search_keeps_how_the_policy_reads_its_observations(zoo, monkeypatch):
    made = []

    def watched(self, *args, **kwargs):
        made.append(self.policy)
        return self

    monkeypatch.setattr(PPO, "learn", watched)
    zoo(
        "optimize --algo teacher_ppo --env LLMTeacher/SimpleDoorKey-v0 --teacher "
        "script:door_key_planner -n 8 --n-trials 1 --n-evaluations 1 --eval-episodes 1 "
        "--no-optim-plots -f logs -params n_envs:1",
        "--seed", "0",
    )  # fmt: skip
    (policy,) = made
    assert type(policy.features_extractor).__name__ == "EgoMapFeatures"
    assert type(policy).__name__ == "LoopFreePolicy"


def test_bad_command_lines_are_told_of_in_a_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def told(line):
        with pytest.raises(SystemExit) as end:
            main(line.split())
        assert end.value.code == 2
        return capsys.readouterr().err

    assert "invalid choice: 'fly'" in told("fly")
    assert "no script 'nobody'" in told(f"train {DOOR} --teacher script:nobody -n 8")
    key = '{"model":"openai/x","api_key":"sk-planted-key"}'
    assert "OPENAI_API_KEY" in told(f"train {DOOR} --teacher {key} -n 8")
    assert "neither a number nor JSON" in told(f"train {DOOR} --teacher {{oops -n 8")


def test_learned_from_the_teacher_and_nothing_else(zoo):
    """Without the teaching loss, 4,000 frames of CartPole bring PPO not nearly as far."""

    def length(coef):
        zoo(
            f"train --algo teacher_ppo {CART} -n 4000 --eval-freq -1 -params teacher_coef:{coef} "
            "n_envs:4 n_steps:64 learning_rate:0.003"
        )
        run = sorted(Path("logs/teacher_ppo").iterdir())[-1]
        out = zoo(f"enjoy --algo teacher_ppo --env CartPole-v1 -f logs -n 2000 --no-render "
                  f"--exp-id {run.name.rsplit('_')[-1]}")  # fmt: skip
        return float(re.search(r"Mean episode length: ([\d.]+)", out).group(1))

    assert np.log(length(1.0) / length(0.0)) > np.log(1.5)
