"""The memory of advice: which rows are kept, and how they are drawn."""

import numpy as np
import pytest

from gym_llmteacher.learning.memory import AdviceMemory


def test_the_memory_draws_by_a_generator_of_ones_own():
    memory = AdviceMemory(5)
    memory.add({"prior": np.arange(5)})
    state = np.random.get_state()[1].tolist()
    first, second = (memory.sample(9, np.random.default_rng(3))["prior"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.random.get_state()[1].tolist() == state


@pytest.mark.parametrize("sizes", [[1, 1, 1, 1, 1, 1], [2, 2, 2], [3, 3], [4, 2], [1, 5], [6]])
def test_the_last_rows_are_kept_however_they_came(sizes):
    memory, begin = AdviceMemory(4), 0
    for n in sizes:
        rows = np.arange(begin, begin + n)
        memory.add({"row": rows, "map": np.stack([rows, -rows], axis=1).astype(np.int8)})
        begin += n
        assert len(memory) == min(begin, 4)
        drawn = memory.sample(200, np.random.default_rng(0))
        assert set(drawn["row"].tolist()) == set(range(max(0, begin - 4), begin))
        # A row stays in one piece, and of the type that it had.
        np.testing.assert_array_equal(drawn["map"][:, 0], drawn["row"])
        np.testing.assert_array_equal(drawn["map"][:, 1], -drawn["row"])
        assert (drawn["map"].dtype, drawn["map"].shape) == (np.int8, (200, 2))


@pytest.mark.parametrize("rng", [None, np.random.default_rng(0)])
def test_each_row_is_drawn_as_often_and_none_before_there_is_one(rng):
    memory = AdviceMemory(10)
    assert len(memory) == 0
    memory.add({"row": np.arange(3)})
    drawn = memory.sample(3000, rng)["row"]
    assert np.bincount(drawn) == pytest.approx(1000, abs=150)
