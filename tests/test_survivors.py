"""Small faults that no other test noticed: each of these fails for one of them."""

import math

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from stable_baselines3 import PPO

from gym_llmteacher import (
    Abstention,
    ActionGrounding,
    Advice,
    CascadeTeacher,
    GroundingWrapper,
    LLMTeacherWrapper,
    PriorOverlay,
    ScriptedTeacher,
    Situation,
    StudentUncertain,
    Teacher,
    VectorTeacher,
)
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.advising.conditions import Moment
from gym_llmteacher.errors import HabitatMissingError, ZooMissingError
from gym_llmteacher.experiments.config import ComparisonConfig, Running
from gym_llmteacher.experiments.estimate import estimate
from gym_llmteacher.experiments.teaching import teacher_of
from gym_llmteacher.teachers.llm import LLMTeacher
from gym_llmteacher.testing import FakeLLMServer
from tests.lessons import TASK

HERE = Situation("here", ("a", "b"), np.eye(2, dtype=np.float32))
SAYS_A = Advice(((("a",), 1.0),))


class Knows(Teacher):
    """Knows some texts for nothing; has some of its budget left."""

    def __init__(self, known=(), left=1.0):
        self.known, self.left, self.asked = known, left, []

    def advise(self, situations):
        self.asked += [here.text for here in situations]
        return [SAYS_A for _ in situations]

    def lookup(self, situation):
        return SAYS_A if situation.text in self.known else None

    def budget_left(self):
        return self.left


def test_the_budget_of_a_comparison_is_that_of_its_answers_file(tmp_path):
    with FakeLLMServer("Action: {a}") as server:
        config = ComparisonConfig(
            teacher={**server.model, "samples": 1}, out=str(tmp_path),
            running=Running(budget={"calls": 1}),
        )  # fmt: skip
        first = teacher_of(config).advise([HERE])[0]
        again = LLMTeacher(server.model, tmp_path / "answers.sqlite", budget={"calls": 1})
        second = again.advise([Situation("there", HERE.options, HERE.option_actions)])[0]
    assert (first.abstained, second.reason) == (False, Abstention.OVER_BUDGET)


def test_a_grounding_is_reset_with_its_env():
    heard = []

    class Hearing(ActionGrounding):
        def reset(self, env):
            heard.append("reset")

        def observe(self, env, obs, action=None):
            heard.append(action)

    grounding = Hearing(lambda obs: "x", ["push left", "push right"], "x")
    env = GroundingWrapper(gym.make("CartPole-v1"), grounding)
    env.reset(seed=0)
    env.step(1)
    env.reset()
    assert heard == ["reset", None, 1, "reset", None]


def test_an_estimate_looks_as_many_times_further_as_the_training_is_longer():
    env = GroundingWrapper(gym.make("CartPole-v1"))
    teacher = LLMTeacher("openai/gpt-4o-mini", ":memory:")
    short, long = (estimate(env, teacher, steps, 500).situations for steps in (500, 50_000))
    assert long > 1.5 * short
    assert short == estimate(env, teacher, 100, 500).situations  # never less than was seen


def test_a_background_adviser_looks_up_without_asking():
    teacher = Knows(known={"here"})
    adviser = BackgroundAdvisor(teacher, workers=1)
    there = Situation("there", HERE.options, HERE.option_actions)
    assert (adviser.lookup(HERE), adviser.lookup(there)) == (SAYS_A, None)
    assert teacher.asked == []
    assert adviser.advice(HERE) == SAYS_A
    assert teacher.asked == []  # what costs nothing is no question
    adviser.wait([there], 20.0)
    assert (adviser.lookup(there), teacher.asked) == (SAYS_A, ["there"])
    adviser.close()


def test_a_cascade_looks_up_in_all_and_has_the_firsts_budget():
    cascade = CascadeTeacher([Knows(left=0.25), Knows(known={"here"}, left=0.75)])
    assert cascade.lookup(HERE).plans == SAYS_A.plans
    assert cascade.lookup(HERE).provisional
    assert cascade.lookup(Situation("there", HERE.options, HERE.option_actions)) is None
    assert cascade.budget_left() == 0.25
    assert not CascadeTeacher([Knows(known={"here"}), Knows()]).lookup(HERE).provisional


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.95])
def test_how_uncertain_a_student_is(threshold):
    """Entropy divided by that of a uniform policy: between 0 and 1 for any number of actions."""
    student = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, seed=0)
    with np.errstate(all="ignore"):
        student.policy.action_net.bias.data[0] = 2.0
    obs = np.zeros(4, dtype=np.float32)
    p = student.policy.get_distribution(student.policy.obs_to_tensor(obs)[0]).distribution.probs
    p = p.detach().numpy()[0]
    share = float(-(p * np.log(p)).sum() / math.log(2))
    condition = StudentUncertain(threshold)
    condition.watch(student)
    moment = Moment(HERE, obs, 0, False, False, Knows())
    assert 0.4 < share < 0.9
    assert condition.holds(moment) == (share > threshold)


def test_an_overlay_shows_no_bars_for_a_teacher_that_abstains():
    def frame(teacher):
        env = gym.make(TASK, render_mode="rgb_array")
        env = PriorOverlay(LLMTeacherWrapper(env, ScriptedTeacher(teacher), smoothing=0.0))
        env.reset(seed=0)
        return env.render()

    silent = frame(lambda here: Advice.abstain("?"))
    speaking = frame(lambda here: ("explore",))
    amber = np.array([217, 119, 6])
    amount = [int((picture == amber).all(axis=2).sum()) for picture in (silent, speaking)]
    assert amount[0] < 200 < amount[1]  # the legend's square alone, and the square with a bar


def test_a_vector_teacher_smooths_its_priors():
    script = ScriptedTeacher(lambda here: ("push left",))
    envs = SyncVectorEnv([lambda: GroundingWrapper(gym.make("CartPole-v1"))])
    envs = VectorTeacher(envs, script, smoothing=0.5, workers=0)
    _, infos = envs.reset(seed=0)
    np.testing.assert_allclose(infos["teacher_prior"], [[0.75, 0.25]])
    envs.close()


@pytest.mark.parametrize("error", [ZooMissingError, HabitatMissingError])
def test_what_is_missing_is_an_import_error(error):
    with pytest.raises(ImportError):
        raise error("not installed")
