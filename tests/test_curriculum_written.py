"""Curricula in files: what is read, what is refused, and a training from the command line."""

import json

import gymnasium as gym
import minigrid  # noqa: F401
import pytest
from rich.console import Console
from typer.testing import CliRunner

from gym_llmteacher import CurriculumError
from gym_llmteacher.cli import app
from gym_llmteacher.curriculum.written import curriculum_of, read_curriculum
from gym_llmteacher.experiments.checkpoint import Checkpoint
from gym_llmteacher.experiments.config import ComparisonConfig, Teaching
from gym_llmteacher.experiments.train import train_all

EASY, HARD = "MiniGrid-Empty-5x5-v0", "MiniGrid-Empty-6x6-v0"
WRITTEN = f"""
space: {{env: {{enum: [{EASY}, {HARD}]}}}}
original: {{env: {HARD}}}
writer: {{easy_to_hard: [{{env: {EASY}}}]}}
share: 0.25
n: 1
every: 256
episodes: 4
"""


def test_yaml_and_json_say_the_same(tmp_path):
    (tmp_path / "c.yaml").write_text(WRITTEN)
    from_yaml = read_curriculum(tmp_path / "c.yaml")
    (tmp_path / "c.json").write_text(json.dumps(from_yaml))
    assert read_curriculum(tmp_path / "c.json") == from_yaml
    curriculum, callback = curriculum_of(from_yaml, gym.make)
    assert (curriculum.share, curriculum.n, callback.every, callback.episodes) == (0.25, 1, 256, 4)
    assert curriculum.writer.ladder == [{"env": EASY}]


GOOD = {"space": {"size": {"enum": [5, 6]}}, "original": {"size": 6}, "writer": "random"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"writer": "magic"}, "writer is 'magic', expected one of random"),
        ({"writer": {"easy_to_hard": None}}, "the ladder is empty"),
        ({"writer": {"easy_to_hard": 5}}, "a value of the wrong kind"),
        ({"wrtier": "random"}, "has 'wrtier'"),
        ({"share": "half"}, "a value of the wrong kind"),
        ({"original": {"size": 7}}, "is not one of"),
        ({"every": 0}, "expected 1 or more"),
        ({"space": {"size": {"type": "string"}}}, "what may be chosen has to be known"),
    ],
)
def test_what_cannot_be_is_an_error_at_construction(changed, says):
    with pytest.raises(CurriculumError, match=says):
        curriculum_of({**GOOD, **changed}, gym.make)


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "list.yaml").write_text("[1, 2]")
    (tmp_path / "bad.json").write_text("{")
    for name, says in (
        ("list.yaml", r"holds \[1, 2\], expected names and values"),
        ("bad.json", "cannot be read as a curriculum"),
        ("none.yaml", "cannot be read as a curriculum"),
    ):
        with pytest.raises(CurriculumError, match=says):
            read_curriculum(tmp_path / name)


def test_a_comparison_trains_in_it_and_goes_on_with_it(tmp_path):
    (tmp_path / "c.yaml").write_text(WRITTEN)
    written = {**read_curriculum(tmp_path / "c.yaml"), "every": 128, "episodes": 2}
    config = ComparisonConfig(
        env=HARD, teacher="script:mission_planner", steps=256, students=("teacher",), n_envs=1,
        eval_episodes=1, teaching=Teaching(curriculum=written), out=str(tmp_path),
    )  # fmt: skip
    assert ComparisonConfig.from_json(config.to_json()) == config
    train_all(config, Console(quiet=True), Checkpoint(config.identity()), {})
    saved = json.loads((tmp_path / "curriculum-teacher-0.json").read_text())
    assert saved["cycle"] == 3
    assert saved["history"][1]["mix"] == [{"env": EASY}]
    again, _ = curriculum_of(written, gym.make)
    again.load(tmp_path / "curriculum-teacher-0.json")
    assert again.cycle == 3


def test_the_command_line_takes_a_file(tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text(WRITTEN)
    (tmp_path / "bad.yaml").write_text("writer: random")
    given = []
    monkeypatch.setattr(
        "gym_llmteacher.experiments.compare._compare", lambda config, *rest: given.append(config)
    )
    run = ["train", "--env", HARD, "--teacher", "script:mission_planner", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*run, "--curriculum", str(tmp_path / "c.yaml")])
    assert done.exit_code == 0, done.output
    assert given[0].teaching.curriculum["share"] == 0.25
    bad = CliRunner().invoke(app, [*run, "--curriculum", str(tmp_path / "bad.yaml")])
    assert "lacks original, space" in bad.output + str(bad.exception)
    assert len(given) == 1
