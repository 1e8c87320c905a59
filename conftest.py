"""Set-up of every test, doctests included."""

import importlib.util
import os

import pytest
from hypothesis import settings

from gym_llmteacher.llm import client

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
# Small networks: more threads per process only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# HYPOTHESIS_PROFILE=nightly: what takes too long for every run (`make nightly`).
settings.register_profile("nightly", max_examples=100_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_LAB = importlib.util.find_spec("habitat") is not None
# `make test-habitat` runs these, where habitat-lab is installed.
collect_ignore = [] if _LAB else ["gym_llmteacher/light_habitat", "tests/habitat"]


def pytest_report_header():
    """Say which of the tiers of the Habitat tests can run."""
    return None if _LAB else "habitat-lab is not installed: tests/habitat is left out"


@pytest.fixture(autouse=True)
def _own_answers_file(monkeypatch, tmp_path):
    """No test reads or writes the answers file of the person who runs it."""
    monkeypatch.setenv("GYM_LLMTEACHER_ANSWERS", str(tmp_path / "answers.sqlite"))


@pytest.fixture(autouse=True)
def _nothing_probed(monkeypatch):
    """Every test finds its models unprobed, whatever ran before it in this process."""
    monkeypatch.setattr(client, "_probed", set())
