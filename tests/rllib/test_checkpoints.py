"""A training that was saved goes on: here, in a fresh process, in plain PPO; no key is saved."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModule

from gym_llmteacher.testing import FakeLLMServer
from tests.rllib.conftest import KEY
from tests.rllib.small import asked, config, echo, learned, weights

SLOWLY = {"shape": "linear", "start": 1.0, "steps": 320}


def test_it_goes_on_where_it_was(build, tmp_path):
    algorithm = build(echo(coef=SLOWLY, envs=1))
    for _ in range(2):
        algorithm.train()
    path = algorithm.save_to_path(str(tmp_path / "saved"))
    before, name = weights(algorithm), algorithm.teacher.name
    algorithm.stop()
    again = Algorithm.from_checkpoint(path)
    try:
        assert all(np.array_equal(before[n], value) for n, value in weights(again).items())
        assert again.teacher.name != name  # an actor of its own: the other one has ended
        result = again.train()
        assert result["env_runners"]["num_env_steps_sampled_lifetime"] == 192
        assert learned(result)["coef"] == pytest.approx(1 - 192 / 320)
        assert learned(result)["coverage"] == 1
        for _ in range(2):
            result = again.train()
        assert learned(result)["coef"] == 0
        total = asked(again)
        again.train()
        assert asked(again) == total
    finally:
        again.stop()


def test_a_student_goes_on_in_plain_ppo(build, tmp_path):
    algorithm = build(echo(coef=SLOWLY))
    algorithm.train()
    path = algorithm.save_to_path(str(tmp_path / "saved"))
    expected = weights(algorithm)
    bare = config(cls=PPOConfig)
    plain = build(bare.environment(algorithm.config.env, env_config=algorithm.config.env_config))
    plain.restore_from_path(path)
    assert all(np.array_equal(expected[n], value) for n, value in weights(plain).items())
    result = plain.train()
    assert np.isnan(list(learned(result).values())).all()  # names that nobody logs any more
    module = RLModule.from_checkpoint(
        Path(path) / "learner_group" / "learner" / "rl_module" / "default_policy"
    )
    assert "gym_llmteacher" not in type(module).__module__


def test_no_key_is_saved(build, tmp_path):
    with FakeLLMServer("Action: {0}") as server:
        spec = {"model": "openai/fake", "api_base": server.url, "samples": 1}
        made = echo(spec)
        made.teacher_service["answers"] = str(tmp_path / "answers.sqlite")
        algorithm = build(made)
        algorithm.train()
        sent = [request.headers["Authorization"] for request in server.history]
        path = Path(algorithm.save_to_path(str(tmp_path / "saved")))
    files = [file for file in path.rglob("*") if file.is_file()]
    assert len(files) > 5
    assert any(server.url.encode() in file.read_bytes() for file in files)  # the config is there
    assert not any(KEY.encode() in file.read_bytes() for file in files)
    assert sent == [f"Bearer {KEY}"] * len(sent)
    assert len(sent) > 1


FRESH = """
import sys
import ray
from ray.rllib.algorithms.algorithm import Algorithm

ray.init(num_cpus=1, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
algorithm = Algorithm.from_checkpoint(sys.argv[1])
result = algorithm.train()
print("coef", round(float(result["learners"]["default_policy"]["teacher_coef"]), 6))
print("coverage", float(result["learners"]["default_policy"]["teacher_coverage"]))
algorithm.stop()
ray.shutdown()
"""


def test_it_goes_on_in_a_fresh_process(build, tmp_path):
    algorithm = build(echo(coef=SLOWLY, envs=1))
    algorithm.train()
    path = algorithm.save_to_path(str(tmp_path / "saved"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FRESH, path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "coef 0.6\n" in done.stdout
    assert "coverage 1.0\n" in done.stdout
