"""``gym-llmteacher habitat-check``: the report, and what it says when something is wrong."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from gym_llmteacher.cli import app
from gym_llmteacher.errors import HabitatMissingError
from gym_llmteacher.habitat import nav_pick_config
from gym_llmteacher.habitat.assets import missing_assets
from gym_llmteacher.habitat.survey import survey


def test_a_scripted_teacher_is_measured(make_env):
    found = survey(make_env(), episodes=6)
    assert found.success >= 0.8
    assert sum(found.ends.values()) == 6
    assert found.same_start
    assert found.same_steps
    assert found.choices[0] > 1
    assert found.steps_per_second > 0
    rows = dict(found.rows())
    assert rows["habitat-lab"].startswith("0.3")
    assert rows["a seed decides the start"] == "yes"
    json.dumps(rows)


@pytest.mark.habitat_lab
def test_it_says_what_is_wrong(make_env, monkeypatch):
    env = make_env(overrides=["habitat.environment.max_episode_steps=3"])
    draws = np.random.default_rng(0)
    reset = env.reset
    # Seeds that decide nothing, and an episode too short to get anywhere.
    monkeypatch.setattr(env, "reset", lambda seed=None: reset(seed=int(draws.integers(99_999))))
    found = survey(env, episodes=4)
    assert not found.same_start
    assert found.ends.get("step limit", 0) >= 3
    assert dict(found.rows())["a seed decides the start"] == "NO"


@pytest.mark.habitat_lab
def test_where_the_robot_is_stuck_is_told(make_env):
    shipped = "habitat.simulator.habitat_sim_v0.allow_sliding=False"
    found = survey(make_env(overrides=[shipped]), episodes=8)
    assert found.ends.get("stuck on the way", 0) >= 1


@pytest.mark.habitat_lab
def test_the_command(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    done = CliRunner().invoke(app, ["habitat-check", "--light", "--episodes", "2"])
    assert done.exit_code == 0, done.output
    assert "100.0% of 2 episodes" in done.output
    assert "LightSim-v0" in done.output


@pytest.mark.habitat_lab
def test_what_the_real_simulator_lacks_is_named(tmp_path, monkeypatch):
    config = nav_pick_config()
    missing = missing_assets(config, tmp_path)
    text = " ".join(missing)
    for part in ("rearrange_easy.json.gz", "data/replica_cad", "ycb", "hab_fetch"):
        assert part in text, part
    for path in missing:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert missing_assets(config, tmp_path) == []
    monkeypatch.chdir(tmp_path.parent)
    result = CliRunner().invoke(app, ["habitat-check", "--episodes", "1"])
    assert isinstance(result.exception, HabitatMissingError)
    assert "missing under the current folder" in str(result.exception)
