"""One small Ray cluster for all tests, and algorithms that are stopped."""

import os
from pathlib import Path

import pytest
import ray

ROOT = Path(__file__).parents[2]
KEY = "planted-key-in-the-environment-1"


@pytest.fixture(scope="session", autouse=True)
def cluster(tmp_path_factory):
    """Two cores, no dashboard. What Ray's processes are to know, they see in the environment.

    That is pytest's path, a key, and an answers file that is not that of the person who runs this.
    """
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ["OPENAI_API_KEY"] = KEY
    answers = tmp_path_factory.mktemp("cluster") / "answers.sqlite"
    os.environ["GYM_LLMTEACHER_ANSWERS"] = str(answers)
    # Its own default, 15, has the runners wait for whatever else this machine does.
    os.environ.update(RAY_worker_niceness="0")
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
