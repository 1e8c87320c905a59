"""A student over options learns from its teacher, and does not without."""

import pytest
from stable_baselines3 import PPO

from benchmarks import habitat as benchmark

pytestmark = [pytest.mark.habitat_lab, pytest.mark.slow]


def test_taught_by_the_embedded_model_and_not(tmp_path):
    taught = benchmark.one_run("llm-options", 100, steps=7_000, folder=tmp_path)
    alone = benchmark.one_run("hierarchical", 100, steps=7_000, folder=tmp_path)
    assert taught[-2]["success"] > 0.6
    assert alone[-2]["success"] < 0.3
    assert 0 < taught[-1]["llm_calls"] < 100
    PPO.load(tmp_path / "llm-options-100.zip", device="cpu")
