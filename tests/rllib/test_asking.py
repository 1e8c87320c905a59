"""Who is asked when: λ in env steps of all runners, nobody after it, never in evaluation."""

import time

import pytest
import ray
from ray.exceptions import RayError

from gym_llmteacher import LLMTeacherWrapper, WithProbability
from tests.echo import Echo
from tests.rllib.small import FALLING, asked, config, echo, echo_grounding, learned
from tests.rllib.teachers import RIGHT


def test_the_coefficient_falls_with_the_steps_of_all_runners_and_then_nobody_asks(build):
    """Nor do runners that are killed and come back; before the cut-off, those ask."""
    algorithm = build(echo(runners=2, coef=FALLING, batch=64))
    result = algorithm.train()
    assert result["env_runners"]["num_env_steps_sampled_lifetime"] == 64
    assert learned(result)["coef"] == 0.5  # 2 falls to 0.5 at step 64, and is cut at 640
    kill(algorithm)
    assert [total > 0 for total in asked(algorithm)[1:]] == [True, True]
    while learned(result)["coef"] > 0:
        result = algorithm.train()
    assert 640 <= result["env_runners"]["num_env_steps_sampled_lifetime"] < 720
    total = asked(algorithm)
    algorithm.train()
    assert asked(algorithm) == total
    kill(algorithm)
    assert asked(algorithm)[1:] == [0.0, total[2]]  # the new one has not asked at all
    runners = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: (runner.worker_index, runner.teaching)
    )
    assert runners[1:] == [(1, False), (2, False)]


def kill(algorithm, index=1):
    """End a runner's process, as a machine that goes away would."""
    actor = algorithm.env_runner_group._worker_manager.actors()[index]
    ray.kill(actor, no_restart=False)
    algorithm.train()  # with the runner that is left
    # Ray starts it again by itself; there is no telling when it is up but by asking.
    for _ in range(600):
        try:
            ray.get(actor.ping.remote())
            break
        except RayError:
            time.sleep(0.1)
    algorithm.train()
    assert algorithm.env_runner_group.num_healthy_remote_workers() == 2
    algorithm.train()


@pytest.mark.parametrize("separate", [False, True])
def test_evaluation_never_asks(build, separate):
    made = echo(coef=1.0, envs=1)
    if separate:
        made.evaluation(evaluation_interval=1, evaluation_duration=3)
    algorithm = build(made)
    result = algorithm.train()
    before = asked(algorithm)
    assert before[0] > 0
    played = result["evaluation"] if separate else algorithm.evaluate()
    assert played["env_runners"]["num_episodes_lifetime"] >= 3
    assert asked(algorithm) == before
    assert algorithm.env_runner.teaching
    algorithm.train()
    assert asked(algorithm)[0] > before[0]
    if separate:
        assert algorithm.eval_env_runner.adviser is None
        assert not algorithm.eval_env_runner.teaching


class Advised(LLMTeacherWrapper):
    """Has its teacher in itself."""

    def __init__(self, context):
        super().__init__(Echo(), RIGHT, echo_grounding())


def test_evaluation_never_asks_the_teachers_inside_envs(build):
    made = config().environment(Advised).evaluation(evaluation_interval=1, evaluation_duration=2)
    algorithm = build(made)
    result = algorithm.train()
    assert learned(result)["coverage"] == 1
    envs = algorithm.eval_env_runner.env.unwrapped
    assert all(said.situations == () for said in envs.call("said"))
    assert all(said.situations for said in algorithm.env_runner.env.unwrapped.call("said"))


def test_a_condition_decides_in_every_runner(build):
    made = echo(envs=2)
    made.teacher_service["ask"] = WithProbability(0.0)
    result = build(made).train()
    totals = result["env_runners"]["teacher"]
    assert totals["asked"] == 0
    assert totals["saved_with_probability"] >= 64
    assert learned(result)["coverage"] == 0


def test_envs_that_put_priors_into_their_infos_need_no_teacher(build):
    result = build(config()).train()
    assert "teacher" not in result
    assert learned(result)["coverage"] > 0.6
