"""Conditions in words: what they make, and what is said of those that name none."""

import json

import gymnasium as gym
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from typer.testing import CliRunner

from gym_llmteacher import (
    AskingWrapper,
    AtReset,
    ConditionError,
    CurriculumError,
    GroundingWrapper,
    LLMTeacherWrapper,
    ScriptedTeacher,
    VecTeacher,
)
from gym_llmteacher.advising.named import condition_of
from gym_llmteacher.cli import app
from gym_llmteacher.experiments.student import make_train_env

TASK, PLANNER = "LLMTeacher/SimpleDoorKey-v0", "script:door_key_planner"


def test_words_and_objects_ask_at_the_same_steps():
    asked = {}
    for ask in (AtReset(), "at_reset", "every_n_steps:4", "every_n_steps:4 & every_n_steps:6",
                "every_n_steps:4 | every_n_steps:6 & at_reset"):  # fmt: skip
        planner = ScriptedTeacher.named("door_key_planner")
        steps = []
        teacher = ScriptedTeacher(lambda s, p=planner, to=steps: to.append(s) or p.function(s))
        env = LLMTeacherWrapper(gym.make(TASK), teacher, ask=ask)
        env.reset(seed=0)
        for _ in range(12):
            env.step(6)
        asked[str(ask) if isinstance(ask, str) else "object"] = len(steps)
    assert list(asked.values()) == [1, 1, 4, 2, 4]


def test_what_was_learned_is_named_by_its_file(tmp_path):
    env = AskingWrapper(gym.make(TASK), PLANNER, noop_action=6)
    PPO("MultiInputPolicy", env, device="cpu").save(tmp_path / "asker.zip")
    words = f"at_reset | learned:{tmp_path / 'asker.zip'}"
    assert [part.name for part in condition_of(words).parts()] == ["at_reset", "learned"]
    described = make_vec_env(TASK, 2, wrapper_class=GroundingWrapper)
    taught = VecTeacher(described, PLANNER, ask=words)
    taught.reset()
    taught.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("sometimes", "'sometimes' names no condition, expected one of new_text, at_reset"),
        ("", "'' names no condition"),
        ("at_reset |", "'' names no condition"),
        ("at_reset:3", "'at_reset:3' has a value, expected 'at_reset' alone"),
        ("every_n_steps", "expected one such as 'every_n_steps:5'"),
        ("every_n_steps:x", "expected one such as 'every_n_steps:5'"),
        ("every_n_steps:0", "expected 1 or more"),
        ("with_probability:7", r"expected a number in \[0, 1\]"),
        ("learned:nowhere.zip", "there is no asker at 'nowhere.zip'"),
        ("learned:", "expected one such as 'learned:asker.zip'"),
    ],
)
def test_words_that_name_none_are_errors_at_construction(words, says):
    with pytest.raises(ConditionError, match=says):
        LLMTeacherWrapper(gym.make(TASK), PLANNER, ask=words)


def test_the_command_line_takes_them(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(
        "gym_llmteacher.experiments.compare._compare", lambda config, *rest: given.append(config)
    )
    run = ["train", "--teacher", PLANNER, "--n-envs", "1", "--out", str(tmp_path)]
    refused = CliRunner().invoke(app, [*run, "--ask", "sometimes"])
    assert "names no condition" in refused.output + str(refused.exception)
    assert CliRunner().invoke(app, [*run, "--ask", "at_reset"]).exit_code == 0
    (config,) = given
    env = make_train_env(config, "teacher", seed=0)
    env.reset()
    for _ in range(20):
        env.step([6])
    assert env.get_attr("adviser")[0].metrics()["saved_at_reset"] == 20


def test_a_training_shows_its_student_to_the_condition(tmp_path):
    run = ["train", "--teacher", PLANNER, "--n-envs", "1", "--steps", "128", "--episodes", "1"]
    run += ["--students", "teacher", "--out", str(tmp_path), "--ask", "student_uncertain:1"]
    done = CliRunner().invoke(app, run)
    assert done.exit_code == 0, done.output
    (saved,) = json.loads((tmp_path / "results.json").read_text("utf-8"))["runs"]
    # No policy is more uncertain than an even one: nothing was asked in a rollout of 128 steps.
    assert saved["teacher"]["saved_student_uncertain"] >= 120


@pytest.mark.parametrize("option", ["--subgoals", "--curriculum"])
def test_a_student_that_sees_something_else_is_not_watched(option, tmp_path):
    space = {"space": {"env": {"enum": [TASK]}}, "original": {"env": TASK}, "writer": "random"}
    given = "relative" if option == "--subgoals" else json.dumps(space)
    run = ["train", "--teacher", PLANNER, "--out", str(tmp_path / "run"), option, given]
    done = CliRunner().invoke(app, [*run, "--ask", "student_uncertain:0.5"])
    with pytest.raises(ConditionError, match=f"with {option}, expected no student_uncertain"):
        raise done.exception
    assert not (tmp_path / "run").exists()


def test_a_curriculum_that_no_env_takes_is_an_error_before_anything_is_written(tmp_path):
    space = {"space": {"size": {"enum": [5]}}, "original": {"size": 5}, "writer": "random"}
    run = ["train", "--teacher", PLANNER, "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*run, "--curriculum", json.dumps(space)])
    with pytest.raises(CurriculumError, match=r"\{'size': 5\} cannot be made .*expected env"):
        raise done.exception
    assert not (tmp_path / "run").exists()
