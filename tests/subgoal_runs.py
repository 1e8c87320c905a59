"""Comparisons whose students are shown subgoals."""

import re
import sys

import pytest

from gym_llmteacher.cli import main
from gym_llmteacher.experiments.config import ComparisonConfig, Teaching

PLANNER = "script:door_key_planner"
TASK = "LLMTeacher/SimpleDoorKey-v0"
KEY = "planted-key-0123456789"


def draw_nothing(patch):
    """Pictures take longer than all the rest."""
    for drawn in ("film", "plot_curves"):
        patch.setattr(f"gym_llmteacher.experiments.compare.{drawn}", lambda *args: None)


def config_for(folder="nowhere", subgoals=None, **kwargs):
    others = {"ask": kwargs.pop("ask", None), "curriculum": kwargs.pop("curriculum", None)}
    given = {"teacher": PLANNER, "steps": 256, "n_envs": 2, "eval_episodes": 2, **kwargs}
    return ComparisonConfig(
        out=str(folder), teaching=Teaching(subgoals=subgoals or {}, **others), **given
    )


def cli(monkeypatch, capsys, *args):
    """Exit status of a command, and what it prints, without line breaks and frames."""
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setattr(sys, "argv", ["gym-llmteacher", *map(str, args)])
    with pytest.raises(SystemExit) as left:
        main()
    shown = capsys.readouterr()
    return left.value.code, " ".join(re.sub("[│┃]", " ", shown.out + shown.err).split())
