"""Without rl-zoo3 the command says how to get it."""

import importlib.util

import pytest

from gym_llmteacher.errors import TeacherError, ZooMissingError
from gym_llmteacher.zoo.commands import main

HERE = importlib.util.find_spec("rl_zoo3") is not None


@pytest.mark.skipif(HERE, reason="rl-zoo3 is installed")
@pytest.mark.parametrize("command", ["train --algo teacher_ppo", "enjoy", "record_video"])
def test_the_pip_line_is_in_the_error(command, capsys):
    with pytest.raises(SystemExit) as end:
        main(command.split())
    assert end.value.code == 2
    assert 'pip install "gym-llmteacher[zoo]"' in capsys.readouterr().err


def test_the_error_is_an_import_error():
    assert issubclass(ZooMissingError, (TeacherError, ImportError))
