"""A student over options learns from its teacher, and does not without."""

import pytest
from stable_baselines3 import PPO

from benchmarks import habitat as benchmark
from benchmarks import habitat_report as report

pytestmark = [pytest.mark.habitat_lab, pytest.mark.slow, pytest.mark.no_cover]


def test_taught_by_the_embedded_model_and_not(tmp_path):
    taught = benchmark.one_run("llm-options", 100, steps=6_000, folder=tmp_path, episodes=4)
    alone = benchmark.one_run("hierarchical", 100, steps=6_000, folder=tmp_path, episodes=4)
    assert taught[-2]["success"] > 0.6  # 0.9 when written
    assert alone[-2]["success"] < 0.3  # 0.1
    assert 0 < taught[-1]["llm_calls"] < 100
    assert "| PPO over options | 1 | never in 6," in report.markdown([*taught, *alone])
    PPO.load(tmp_path / "llm-options-100.zip", device="cpu")
