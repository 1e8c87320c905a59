"""The page about a training: everything is in it, nothing is fetched, no word is markup."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import gymnasium as gym
import pytest
from rich.console import Console

from gym_llmteacher import LLMTeacher
from gym_llmteacher.cli import main
from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.experiments.compare import compare
from gym_llmteacher.experiments.config import ComparisonConfig
from gym_llmteacher.experiments.rendering import frame
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.report.curves import svg
from gym_llmteacher.report.report import write_report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m</script>"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short training; among the answers is one that means harm."""
    folder = tmp_path_factory.mktemp("run")
    config = ComparisonConfig(steps=1024, n_envs=2, eval_episodes=2, out=str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gym_llmteacher.experiments.compare.film", lambda *args: None)
        compare(config, Console(quiet=True))
    said = Reply((HOSTILE, "key", "key")).as_dict()
    prompt = [{"role": "user", "content": "?"}]
    Answers(folder / "answers.sqlite").insert([Record("k", "m", "samples", HOSTILE, prompt, said)])
    return folder


class Reader(HTMLParser):
    """Tags with their attributes, and what stands between them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_everything_is_in_it(run, monkeypatch, capsys):
    def nothing(*args, **kwargs):
        raise AssertionError("a model was asked")

    monkeypatch.setattr("gym_llmteacher.llm.client.Client.ask_for", nothing)
    monkeypatch.setattr(sys, "argv", ["gym-llmteacher", "report", str(run), "--episodes", "3"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert str(run / "report.html") in capsys.readouterr().out.replace("\n", "")
    html = (run / "report.html").read_text()
    page = Reader(html)
    words = " ".join(page.words)
    for expected in (
        "TeacherPPO", "plain PPO", "Success in training", "One episode, step by step",
        "What the teacher was asked and said", "How 3 episodes ended", "93% key.", "Spend",
        "gym-llmteacher train --env LLMTeacher/SimpleDoorKey-v0 --steps 1024", '"eval_episodes": 2',
        "stable-baselines3 2.",
    ):  # fmt: skip
        assert expected in words, expected
    assert not re.findall(r'(?:src|href)\s*=\s*"?(?!data:)[^">\s]*//', html)
    assert sum(tag == "polyline" for tag, _ in page.tags) == 2


def test_words_of_others_are_words(run):
    html = write_report(run, 1).read_text()
    page = Reader(html)
    assert [attrs.get("id") for tag, attrs in page.tags if tag == "img"] == ["frame"]
    assert "\x1b" not in html
    assert any("onerror=alert(1)" in words for words in page.words)
    assert sum(tag == "script" for tag, _ in page.tags) == 2


def film(run):
    html = write_report(run, 1).read_text()
    return json.loads(re.search(r'<script type="application/json" id=film>(.*?)</script>', html)[1])


def test_an_episode_to_step_through(run):
    shown = film(run)
    assert len(shown["names"]) == 7
    assert len(shown["moments"]) >= 2
    for moment in shown["moments"]:
        assert abs(sum(moment["policy"]) - 1) < 0.01
        assert moment["frame"].startswith("data:image/png;base64,")
        assert moment["text"].startswith("Agent sees")
    assert "in " in shown["ending"] or "cut off" in shown["ending"]


if BROWSER:

    def test_a_browser_shows_the_first_step(run):
        page = write_report(run, 1)
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        ran = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
        first = film(run)["moments"][0]
        assert f"step 0 of {len(film(run)['moments']) - 1}" in ran.stdout
        assert first["text"].replace("<", "&lt;").replace(">", "&gt;") in ran.stdout
        assert ran.stdout.count('class="t"') >= 7


def test_curves():
    both = svg({"teacher": [[(10, 0.0), (20, 1.0)], [(10, 0.5), (20, 1.0)]], "ppo": [[]]}, {}, 0.5)
    assert both.count("<polyline") == 1
    assert "mean and range" in both
    assert "teacher alone (50%)" in both


def test_frames_in_which_keys_and_doors_stand_out_from_agent_and_walls():
    env, seen = gym.make("LLMTeacher/SimpleDoorKey-v0", render_mode="rgb_array"), set()
    for seed in range(20):
        env.reset(seed=seed)
        colour = env.unwrapped.door_color
        drawn, red = frame(env), (frame(env) == (255, 0, 0)).all(axis=-1).sum()
        plain = env.render()
        assert env.unwrapped.door_color == colour == env.unwrapped.grid.get(
            *env.unwrapped.door_pos
        ).color  # fmt: skip
        assert (drawn != plain).any() == (colour in ("red", "grey"))
        assert red == 0 or colour != "red"
        seen.add(colour)
        if colour in ("red", "grey"):
            assert (drawn == (255, 255, 0)).all(axis=-1).any()  # the key, in yellow
    assert {"red", "grey"} <= seen


def test_a_folder_without_a_training(tmp_path):
    with pytest.raises(CheckpointError, match=r"no finished training in it.*--resume"):
        write_report(tmp_path)


def test_the_teacher_is_asked_nothing(run):
    before = LLMTeacher(answers=run / "answers.sqlite").answers.spent()
    write_report(run, 2)
    assert LLMTeacher(answers=run / "answers.sqlite").answers.spent() == before
