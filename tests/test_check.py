"""The pre-flight report: how a teacher fails, where, and what to type next."""

import json
import re
from functools import partial
from html.parser import HTMLParser

import gymnasium as gym
import pytest
from typer.testing import CliRunner

from gym_llmteacher import LLMTeacher, ScriptedTeacher
from gym_llmteacher.cli import app
from gym_llmteacher.preflight.check import check, random_teacher, verdict, wilson
from gym_llmteacher.preflight.page import page
from gym_llmteacher.preflight.suite import SUITES
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
    for spot in good.spots:  # every step of the way counts, not the last one alone
        assert len(set(re.findall(r"(\d+) of (\d+) won", spot.followed))) >= 1
        assert all(a == b for a, b in re.findall(r"(\d+) of (\d+) won", spot.followed))
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
    planner, chance = json.loads((tmp_path / "check.json").read_text())["checks"]
    assert (planner["success"], chance["teacher"]) == (1.0, "random")
    assert planner["endings"] == {"completed": 3}
    assert "<code>script:door_key_planner</code>" in (tmp_path / "check.html").read_text()
    wrong = [*arguments, "0.9"]
    wrong[4] = '{"simulated": "script:door_key_planner", "accuracy": 0.0}'
    assert CliRunner().invoke(app, wrong).exit_code == 1


class Page(HTMLParser):
    """Tags that are open, tables as lists of rows, and what a narrow screen shows beside cells."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tables, self.labels, self.commands, self.shut = [], [], [], [], 0
        self.feed(html)
        assert self.open == []  # everything is closed, in order

    def handle_starttag(self, tag, attrs):
        if tag in ("meta", "br", "wbr"):
            return
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag == "td":
            self.labels.append(dict(attrs)["data-label"])
        self.shut += tag == "details" and "open" not in dict(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data
        elif "code" in self.open and "verdict" not in self.open:
            self.commands.append(data)


def test_the_page_has_a_leaderboard_and_tells_every_cell_its_column():
    wrong = ScriptedTeacher(lambda here: ("explore",))
    planner = ScriptedTeacher.named("door_key_planner")
    found = []
    for env_id in ("LLMTeacher/SimpleDoorKey-v0", "LLMTeacher/LavaDoorKey-v0"):
        chance = check(partial(gym.make, env_id), random_teacher(), "random", episodes=3)
        for teacher, name in ((wrong, "wrong & <b>"), (planner, "planner")):
            played = check(partial(gym.make, env_id), teacher, name, episodes=3)
            found.append((played, verdict(played, chance)))
        found.append((chance, ""))
    shown = Page(page(found))
    board, by_env, results, *details = shown.tables
    assert [row[0] for row in board[1:]] == ["planner", "random", "wrong & <b>"]
    assert board[1][1:4] == ["100%", "2 of 2", "2 of 2"]
    assert by_env[0] == ["env", "wrong & <b>", "planner", "random"]
    assert by_env[1][:3] == ["LLMTeacher/SimpleDoorKey-v0", "0%", "100%"]
    assert len(results) == 1 + 6
    assert len(details) == 4
    assert shown.shut == 1 + 2  # all results, and what goes well is folded
    columns = {name for table in shown.tables for name in table[0]}
    assert set(shown.labels) == columns
    assert any(command.startswith("gym-llmteacher practise --env") for command in shown.commands)
    for table in shown.tables:
        assert {len(row) for row in table} == {len(table[0])}
    situations = [row[0] for row in details[0][1:]]
    assert len(set(situations)) == len(situations)  # each is told of once


def test_a_suite_is_a_leaderboard_over_its_envs(tmp_path, monkeypatch):
    assert len(set(SUITES["standard"])) == 10
    monkeypatch.setitem(SUITES, "doors", (TASK, "LLMTeacher/LavaDoorKey-v0"))
    arguments = ["check", "--suite", "doors", "--teacher", "script:door_key_planner", "--teacher",
                 '{"simulated": "script:door_key_planner", "accuracy": 0.0}', "--episodes", "2",
                 "--out", str(tmp_path)]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "check.json").read_text())
    first, *_, last = report["leaderboard"]
    assert (first["teacher"], first["success"]) == ("script:door_key_planner", 1.0)
    assert (first["solved"], first["above_chance"], first["envs"]) == (2, 2, 2)
    assert last["success"] == 0
    assert len(report["checks"]) == 6
    assert CliRunner().invoke(app, [*arguments, "--min-success", "0.5"]).exit_code == 1
    nowhere = CliRunner().invoke(app, ["check", "--suite", "nonsense"])
    assert nowhere.exit_code != 0
    assert "suite is 'nonsense'" in str(nowhere.exception)


def test_a_script_for_other_envs_is_left_out_there(tmp_path):
    result = CliRunner().invoke(
        app,
        ["check", "--env", "CartPole-v1", "--env", "LLMTeacher/SimpleDoorKey-v0", "--teacher",
         "script:door_key_planner", "--episodes", "1", "--out", str(tmp_path)],
        env={"COLUMNS": "200"},
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "script:door_key_planner is left out in CartPole-v1" in result.output
    rows = [line for line in result.output.splitlines() if "DoorKey-v0" in line]
    assert any("door_key_planner" in row and "100%" in row for row in rows)
