"""Bars beside a frame: all of a few actions, the likely ones of many."""

import numpy as np
import pytest

from gym_llmteacher.wrappers.overlay import _most_likely, draw_bars


@pytest.mark.parametrize("n", [1, 2, 7, 20, 39, 40, 41, 200, 5000])
@pytest.mark.parametrize("both", [False, True])
def test_any_number_of_actions_can_be_drawn(n, both):
    prior = np.random.default_rng(n).dirichlet(np.ones(n))
    frame = np.zeros((60, 80, 3), np.uint8)
    names = [f"action {i}" for i in range(n)]
    drawn = draw_bars(frame, names, prior, prior[::-1] if both else None, ["one", "two"])
    assert drawn.shape == (360, 480 + 340, 3)
    assert (drawn[:, 480:] == (217, 119, 6)).all(-1).any()  # a bar of the teacher
    assert draw_bars(frame, names, None).shape == drawn.shape


def test_of_many_the_likely_ones_are_drawn_in_their_order():
    prior, student = np.zeros(100), np.zeros(100)
    prior[[70, 3]], student[[99, 3]] = 0.5, 0.5
    assert _most_likely(100, 3, prior, student) == [3, 70, 99]
    assert _most_likely(3, 5, prior[:3]) == [0, 1, 2]
    assert _most_likely(100, 2, None, None) == [0, 1]
