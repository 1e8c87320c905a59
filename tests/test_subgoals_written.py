"""Subgoals as plain data: what is understood, and what is refused."""

import json

import gymnasium as gym
import pytest
from stable_baselines3 import PPO

from gym_llmteacher import (
    AskingWrapper,
    ConditionError,
    GroundingError,
    TeacherSpecError,
)
from gym_llmteacher.experiments.config import ComparisonConfig, Teaching
from gym_llmteacher.experiments.student import check_env, make_train_env
from gym_llmteacher.subgoals.written import read_subgoals
from tests.subgoal_runs import KEY, PLANNER, TASK, cli, config_for, draw_nothing
from tests.tagging import AsDict


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch):
    draw_nothing(monkeypatch)


def test_a_name_json_and_files_say_the_same(tmp_path):
    (tmp_path / "s.yaml").write_text("{encoding: words, dropout: 0.3, alpha: 1}")
    (tmp_path / "s.json").write_text('{"encoding": "words", "dropout": 0.3, "alpha": 1}')
    expected = {"encoding": "words", "dropout": 0.3, "alpha": 1}
    for typed in (str(tmp_path / "s.yaml"), str(tmp_path / "s.json"), json.dumps(expected)):
        assert read_subgoals(typed) == expected
    assert read_subgoals("look") == {"encoding": "look"}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (
            {"bonsu": "paper"},
            "have 'bonsu', expected any of encoding, bonus, alpha, drop",
        ),
        ({"gamma": 0.9}, "have 'gamma'.*gamma is the student's"),
        ({"encoding": "place"}, "encoding is 'place', expected one of relative, look, words"),
        ({"encoding": ["words"]}, r"encoding of the subgoals is \['words'\], expected its name"),
        ({"bonus": "much"}, "bonus is 'much', expected instalments, potential, paper, none"),
        ({"alpha": -1}, "alpha is -1, expected 0 or more"),
        ({"alpha": "2"}, "alpha of the subgoals is '2', expected a number"),
        ({"dropout": 1.0}, r"dropout of the subgoals is 1.0, expected a share in \[0, 1\)"),
        ({"dropout": True}, "dropout of the subgoals is True"),
        ({"dropout": float("nan")}, "dropout of the subgoals is nan"),
        ({"teacher": 3}, "teacher of the subgoals is 3.*leave it out"),
    ],
)
def test_what_cannot_be_is_an_error_at_construction(written, says):
    with pytest.raises(GroundingError, match=says):
        Teaching(subgoals=written)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--subgoals", "relatve"], "'relatve', which is no encoding and no file, expected relat"),
        (["--subgoals", "{"], "which is no JSON"),
        (["--subgoals", '{"dropout": 2}'], "dropout of the subgoals is 2"),
        (["--subgoals", "look", "--env", "FrozenLake-v1"], "Cure: encoding='words'"),
        (["--subgoals", '{"teacher": "script:nosuch"}'], "there is no script 'nosuch'"),
    ],
)
def test_the_command_line_refuses_before_anything_is_written(
    more, says, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    code, words = cli(
        monkeypatch, capsys, "train", "--teacher", PLANNER, "--out", out, "--steps", 64, *more
    )
    assert code == 2
    assert says in words
    assert not out.exists()


def test_what_no_student_could_take_is_refused():
    gym.register("tests/Worded-v0", lambda: AsDict(gym.make("CartPole-v1")))
    words = {"encoding": "words"}
    with pytest.raises(GroundingError, match="none inside another"):
        check_env(config_for(subgoals=words, env="tests/Worded-v0", students=("ppo",)))
    with pytest.raises(GroundingError, match="expected Discrete"):
        check_env(config_for(subgoals=words, env="Pendulum-v1", students=("ppo",)))
    with pytest.raises(TeacherSpecError, match="unexpected keyword argument 'x'"):
        check_env(config_for(subgoals={"teacher": {"script": "mission_planner", "x": 1}}))


def test_settings_come_back_and_belong_to_what_is_compared(tmp_path):
    teacher = {"model": "openai/x", "api_base": "http://one", "api_key": KEY}
    config = config_for(tmp_path, {"encoding": "words", "teacher": teacher})
    writes = config_for(tmp_path, curriculum={"writer": {"model": teacher}})
    for one in (config, writes):
        assert KEY not in one.to_json() + one.identity()
        assert "***" in one.to_json()
    again = ComparisonConfig.from_json(config.to_json())
    assert again.teaching.subgoals["encoding"] == "words"
    assert again.teaching.subgoals["teacher"]["model"] == "openai/x"
    moved = {**teacher, "api_base": "http://two"}
    elsewhere = config_for(tmp_path, {"encoding": "words", "teacher": moved})
    assert elsewhere.identity() == config.identity()
    assert config_for(tmp_path, {"encoding": "look"}).identity() != config.identity()
    plain = ComparisonConfig.from_json(config_for(tmp_path, {"encoding": "look"}).to_json())
    assert plain == config_for(tmp_path, {"encoding": "look"})


def test_a_learned_condition_is_refused_where_it_would_see_subgoals(tmp_path):
    env = AskingWrapper(gym.make(TASK), PLANNER, noop_action=6)
    PPO("MultiInputPolicy", env, device="cpu").save(tmp_path / "asker.zip")
    ask = f"learned:{tmp_path / 'asker.zip'}"
    with pytest.raises(ConditionError, match="expected no learned condition"):
        check_env(config_for(tmp_path, {"encoding": "look"}, ask=ask, teacher="openai/x"))
    config = config_for(tmp_path, {"encoding": "look"}, ask=ask)
    check_env(config)
    envs = make_train_env(config, "teacher", 0)
    envs.reset()
    for _ in range(3):
        envs.step([2, 2])
