"""Set-up of every test, doctests included."""

import importlib.util
import os

import pytest
from hypothesis import settings

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
# Small networks: more threads per process only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# HYPOTHESIS_PROFILE=nightly: what takes too long for every run (`make nightly`).
settings.register_profile("nightly", max_examples=100_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# `make test-habitat`, `test-zoo` and `test-rllib` run these, where the package is installed.
_EXTRAS = {
    "habitat": ["gym_llmteacher/light_habitat", "tests/habitat"],
    "rl_zoo3": ["gym_llmteacher/zoo", "tests/zoo"],
    "ray": ["gym_llmteacher/rllib", "tests/rllib"],
}
_MISSING = [name for name in _EXTRAS if importlib.util.find_spec(name) is None]
collect_ignore = [
    *(path for name in _MISSING for path in _EXTRAS[name]),
    "docs/conf.py", "docs/_ext", "docs/_build", "docs/reference",  # `make docs` runs these
]  # fmt: skip

if importlib.util.find_spec("sybil") is not None:
    # Every Python block of README and docs is run, those of a page one after the other.
    from sybil import Sybil
    from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

    from tests.documented import behind_strict_servers  # noqa: F401

    pytest_collect_file = Sybil(
        parsers=[PythonCodeBlockParser(), SkipParser()],
        patterns=["README.md", "docs/*.md", "docs/related/*.md", "students/*/*.md"],
        excludes=["docs/habitat.md", "docs/scaling.md"],
        fixtures=["behind_strict_servers"],
    ).pytest()


def pytest_report_header():
    """Say which tests cannot run."""
    return [f"{name} is not installed: {_EXTRAS[name][1]} is left out" for name in _MISSING]


@pytest.fixture(autouse=True)
def _own_answers_file(monkeypatch, tmp_path):
    """No test reads or writes the answers file of the person who runs it."""
    monkeypatch.setenv("GYM_LLMTEACHER_ANSWERS", str(tmp_path / "answers.sqlite"))
