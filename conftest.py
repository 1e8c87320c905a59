"""Set-up of every test, doctests included."""

import importlib.util
import os

import pytest

from gym_llmteacher.llm import client

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

if importlib.util.find_spec("habitat") is None:
    collect_ignore = ["gym_llmteacher/light_habitat"]  # it registers with habitat-lab


@pytest.fixture(autouse=True)
def _own_answers_file(monkeypatch, tmp_path):
    """No test reads or writes the answers file of the person who runs it."""
    monkeypatch.setenv("GYM_LLMTEACHER_ANSWERS", str(tmp_path / "answers.sqlite"))


@pytest.fixture(autouse=True)
def _nothing_probed(monkeypatch):
    """Every test finds its models unprobed, whatever ran before it in this process."""
    monkeypatch.setattr(client, "_probed", set())
