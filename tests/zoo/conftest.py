"""Commands of the zoo, run in this process and in a folder of their own."""

import pytest

from gym_llmteacher.zoo.commands import main


@pytest.fixture
def zoo(tmp_path, monkeypatch, capfd):
    """A function: a command line -> what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(line, *more):
        main([*line.split(), *more])
        return capfd.readouterr().out

    return run
