"""Advice is remembered by all that it depends on."""

from dataclasses import replace

import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    ProcessTeacher,
    VecTeacher,
)
from gym_llmteacher.testing import FakeLLMServer
from tests.track import LEFT, RIGHT, Track, cart, chosen, on, west_or_east


def test_the_same_words_and_another_task_are_another_question():
    with FakeLLMServer(west_or_east) as server:
        teacher = LLMTeacher(server.model, ":memory:")
        told = [teacher.advise([cart(task=f"go {k}")])[0].plans[0][0] for k in ("west", "east")]
        assert told == [(LEFT,), (RIGHT,)]
        one, two = (LLMTeacherWrapper(Track(), teacher, on(f"go {k}")) for k in ("west", "east"))
        assert (chosen(one.reset()[1]), chosen(two.reset()[1])) == (LEFT, RIGHT)
        helper = ProcessTeacher(LLMTeacher(server.model, ":memory:"))
        told = [helper.advise([cart(task=f"go {k}")])[0].plans[0][0] for k in ("west", "east")]
        helper.close()
    assert told == [(LEFT,), (RIGHT,)]


def test_two_tasks_in_one_vec_teacher():
    with FakeLLMServer(west_or_east) as server:
        tasks = iter(("west", "east"))
        envs = make_vec_env(lambda: GroundingWrapper(Track(), on(f"go {next(tasks)}")), 2)
        venv = VecTeacher(envs, LLMTeacher(server.model, ":memory:"), workers=0)
        venv.reset()
        assert [chosen(info) for info in venv.unwrapped.reset_infos] == [LEFT, RIGHT]
        venv.close()


@pytest.mark.parametrize(
    "change",
    [{"text": "b"}, {"task": "b"}, {"options": (LEFT, "b")}, {"state": "b"}, {"example": "b"},
     {"obs": np.zeros(2)}, {"obs": {"a": 1}}],
)  # fmt: skip
def test_the_key_tells_apart_all_that_advice_depends_on(change):
    here = cart()
    assert replace(here, **change).key != here.key
    assert replace(here, option_actions=np.zeros((2, 2), np.float32)).key == here.key


def test_observations_are_told_apart_by_value():
    keys = {replace(cart(), obs=obs).key for obs in (np.zeros(2), np.ones(2), np.zeros(3), (1, 2))}
    assert len(keys) == 4
    assert replace(cart(), obs=np.zeros(2)).key == replace(cart(), obs=np.zeros(2)).key
