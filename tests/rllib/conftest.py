"""One small Ray cluster for all tests, and algorithms that are stopped."""

import os
from pathlib import Path

import pytest
import ray

ROOT = Path(__file__).parents[2]
KEY = "planted-key-in-the-environment-1"


@pytest.fixture(scope="session", autouse=True)
def cluster():
    """Two cores, no dashboard. Ray's processes do not see pytest's path: they are told."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ["OPENAI_API_KEY"] = KEY
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=150 * 2**20,
        logging_level="error", log_to_driver=False,
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.fixture
def build():
    """A function: a config -> its algorithm, stopped after the test."""
    algorithms = []

    def make(config):
        algorithms.append(config.build_algo())
        return algorithms[-1]

    yield make
    for algorithm in algorithms:
        algorithm.stop()
