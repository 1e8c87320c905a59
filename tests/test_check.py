"""The pre-flight report: how a teacher fails, where, and what to type next."""

import json

import gymnasium as gym
import pytest
from typer.testing import CliRunner

from gym_llmteacher import LLMTeacher, ScriptedTeacher
from gym_llmteacher.cli import app
from gym_llmteacher.preflight.check import check, random_teacher, verdict, wilson
from gym_llmteacher.preflight.page import page
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.lessons import TASK


def make():
    return gym.make(TASK)


def test_a_teacher_that_knows_is_told_from_one_that_does_not():
    good = check(make, ScriptedTeacher.named("door_key_planner"), "planner", episodes=6, seed=3)
    wrong = check(make, ScriptedTeacher(lambda here: ("explore",)), "wrong", episodes=6, seed=3)
    chance = check(make, random_teacher(), "random", episodes=6, seed=3)
    assert (good.success, good.endings, good.said.agreement) == (1.0, {"completed": 6}, 1.0)
    assert (wrong.success, wrong.endings) == (0.0, {"task limit reached": 6})
    assert (chance.said.advised, good.said.advised) == (0, 1)
    assert good.frames < wrong.frames
    worst = wrong.spots[0]
    assert (worst.won, worst.advice) == (0, "explore (100%)")
    assert sum(spot.lost_here for spot in wrong.spots) == 6
    assert worst.lost_here == max(spot.lost_here for spot in wrong.spots)
    assert "it can teach. Next: gym-llmteacher train" in verdict(good, chance)
    assert "no more than chance" in verdict(wrong, chance)


@pytest.mark.parametrize(
    ("reply", "ending"),
    [
        ("I would rather not.", "invalid format"),
        ("Action: {fly away}", "invalid option"),
        (FakeReply("content_policy_violation", status=400), "refused"),
        (FakeReply("maximum context length is 10 tokens", status=400), "context limit"),
        (FakeReply("boom", status=500), "error"),
    ],
)
def test_episodes_end_in_the_words_of_agentbench(reply, ending):
    with FakeLLMServer(reply) as server:
        teacher = LLMTeacher(server.model, ":memory:", "samples", samples=1, max_retries=0)
        found = check(make, teacher, "fake", episodes=2)
        chance = check(make, random_teacher(), "random", episodes=2)
    assert set(found.endings) <= {ending, "completed"}  # at random it may get there, too
    if found.success < 0.5:
        assert found.endings[ending] >= 1
        assert "never had anything to say" in verdict(found, chance)


def test_an_interval_of_a_share():
    low, high = wilson(5, 10)
    assert (low, high) == (pytest.approx(0.2366, abs=1e-3), pytest.approx(0.7634, abs=1e-3))
    assert wilson(0, 10)[0] == 0.0


def test_the_page_obeys_nobody():
    evil = ScriptedTeacher(lambda here: ("explore",))
    found = check(make, evil, "<script>alert(1)</script>\x1b[2J", episodes=1)
    html = page([(found, "<b>fine</b>")])
    assert "<script>" not in html
    assert "\x1b" not in html
    assert "&lt;b&gt;fine" in html
    assert "http" not in html  # nothing is loaded from anywhere


def test_one_command_prints_the_table_and_sets_the_exit_code(tmp_path):
    arguments = ["check", "--env", TASK, "--teacher", "script:door_key_planner", "--episodes", "3",
                 "--out", str(tmp_path), "--min-success"]  # fmt: skip
    done = CliRunner().invoke(app, [*arguments, "0.9"])
    assert done.exit_code == 0, done.output
    assert "it can teach" in done.output
    planner, chance = json.loads((tmp_path / "check.json").read_text())
    assert (planner["success"], chance["teacher"]) == (1.0, "random")
    assert planner["endings"] == {"completed": 3}
    assert "<h2>script:door_key_planner" in (tmp_path / "check.html").read_text()
    wrong = [*arguments, "0.9"]
    wrong[4] = '{"simulated": "script:door_key_planner", "accuracy": 0.0}'
    assert CliRunner().invoke(app, wrong).exit_code == 1
