"""Without Ray the room says how to get it."""

import importlib
import importlib.util

import pytest

from gym_llmteacher.errors import RayMissingError, TeacherError

HERE = importlib.util.find_spec("ray") is not None


@pytest.mark.skipif(HERE, reason="Ray is installed")
def test_the_pip_line_is_in_the_error():
    with pytest.raises(RayMissingError, match=r"pip install .gym-llmteacher\[rllib\]"):
        importlib.import_module("gym_llmteacher.rllib")


def test_the_error_is_an_import_error():
    assert issubclass(RayMissingError, (TeacherError, ImportError))
