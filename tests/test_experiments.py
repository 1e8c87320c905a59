"""Evaluation without bias, and a report that says what happened."""

import math

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

from gym_llmteacher.experiments.config import ComparisonConfig, Teaching
from gym_llmteacher.experiments.evaluate import Evaluation, evaluate
from gym_llmteacher.experiments.report import frames_to, markdown_table, table_rows
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.experiments.student import is_map, make_student
from gym_llmteacher.playing.actors import TeacherActor
from tests.tagging import AsDict


class Lengths(gym.Env):
    """Episodes of known length; the even seeds succeed."""

    observation_space = gym.spaces.Box(0, 1000, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, success_in_info=True):
        self.success_in_info = success_in_info

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.left = seed, 1 + seed % 10
        return np.array([seed], np.float32), {}

    def step(self, action):
        self.left -= 1
        over = self.left == 0
        good = over and self.seed % 2 == 0
        info = {"is_success": good} if self.success_in_info else {}
        return np.array([self.seed], np.float32), float(good), over, False, info


@pytest.mark.parametrize("in_info", [True, False])
@pytest.mark.parametrize("n_envs", [1, 3, 7, 50])
def test_every_seeded_episode_counts_once(n_envs, in_info):
    seen = []

    def actor(obs, infos, starts):
        seen.extend(obs[:, 0].tolist())
        return np.zeros(len(obs), dtype=np.int64)

    score = evaluate(lambda: Lengths(in_info), actor, episodes=20, seed=0, n_envs=n_envs)
    assert (score.reward, score.length, score.episodes) == (0.5, 5.5, 20)
    # Whoever does not say whether he has succeeded has neither succeeded nor failed.
    assert score.success == 0.5 if in_info else math.isnan(score.success)
    assert sorted(set(seen)) == list(range(20))


def test_dict_observations_are_stacked():
    def actor(obs, infos, starts):
        return np.zeros(len(obs["pair"]), dtype=np.int64)

    assert evaluate(lambda: AsDict(Lengths()), actor, 4, seed=0, n_envs=2).episodes == 4


def test_a_teacher_that_abstains_acts_at_random_and_else_by_its_prior():
    prior = np.array([0.1, 0.2, 0.7], dtype=np.float32)
    taught = {"teacher_prior": prior, "teacher_weight": 1.0}
    silent = {"teacher_prior": np.full(3, 1 / 3, np.float32), "teacher_weight": 0.0}
    greedy, sampled = TeacherActor(True), TeacherActor(False)
    assert greedy(None, [taught] * 50, None).tolist() == [2] * 50
    for act, infos in ((greedy, [silent] * 3000), (sampled, [silent] * 3000)):
        np.testing.assert_allclose(np.bincount(act(None, infos, None)) / 3000, 1 / 3, atol=0.05)
    drawn = np.bincount(sampled(None, [taught] * 5000, None)) / 5000
    np.testing.assert_allclose(drawn, prior, atol=0.03)


def test_frames_to():
    curve = [(100, 0.2), (200, 0.95), (300, 0.5)]
    assert frames_to(curve) == 200
    assert frames_to(curve, 0.99) is None


def test_the_table():
    good, bad = Evaluation(0.95, 0.8, 20.0, 200), Evaluation(0.0, 0.0, 150.0, 200)
    runs = [
        RunResult("teacher", 0, 1000, good, bad, 3.0, [(500, 0.92)],
                  {"calls": 2.0, "prompt_tokens": 300.0, "completion_tokens": 55.0}),
        RunResult("ppo", 0, 1000, bad, bad, 2.0, [(500, 0.0)]),
    ]  # fmt: skip
    rows = table_rows(runs, (good, bad))
    assert rows[0][:4] == ("teacher", "", "95.0%", "0.0%")
    assert rows[1] == (
        "TeacherPPO",
        "0",
        "95.0%",
        "0.0%",
        "0.800",
        "1k",
        "0.5k",
        "3 s",
        "2",
        "355",
    )
    assert rows[2][6:] == ("never", "2 s", "-", "-")
    assert markdown_table(rows).count("\n|") == 4


def test_config_round_trip():
    config = ComparisonConfig(teacher={"model": "openai/x"}, seeds=(1, 2), teaching=Teaching(0.5))
    assert ComparisonConfig.from_json(config.to_json()) == config


def test_plain_envs_get_a_plain_network(tmp_path):
    assert is_map("LLMTeacher/SimpleDoorKey-v0")
    assert not is_map("CartPole-v1")
    assert not is_map("FrozenLake-v1")
    student = make_student(ComparisonConfig(env="CartPole-v1", out=str(tmp_path)), "ppo", seed=0)
    assert type(student) is PPO
    assert "features_extractor_class" not in student.policy_kwargs
