"""One way to let a teacher or a student play, in envs of every kind."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.monitor import Monitor

from gym_llmteacher import (
    ScriptedTeacher,
    TeacherSpecError,
    play,
)
from tests.echo import DOOR, KINDS, LATE, LENGTH, WRONG, Echo, slow, taught


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_env_gives_the_same_record(kind):
    env = KINDS[kind]()
    record = play(env, "teacher", 6, seed=3, deterministic=True, texts=True)
    assert len(record.episodes) == 6
    assert (record.success, record.mean_return, record.mean_length) == (1.0, LENGTH, LENGTH)
    assert (record.endings, record.coverage, record.steps) == ({"terminated": 6}, 1.0, 6 * LENGTH)
    assert sorted({e.seed for e in record.episodes if e.seed is not None})[:1] == [3]
    for episode in record.episodes:
        assert len(episode.steps) == LENGTH
        # What was asked and advised belongs to the observation that was acted on: had it been
        # that of a step before or after, the action would not be the one the text names.
        assert all(step.texts == (f"echo {step.action}",) for step in episode.steps)
        assert all(len(step.keys) == 1 for step in episode.steps)
    if kind not in ("VecTeacher", "VectorTeacher"):  # there the answer may have come later
        said = [step.advices[0].plans for e in record.episodes for step in e.steps]
        assert said == [(((s.texts[0][-1],), 1.0),) for e in record.episodes for s in e.steps]
    if hasattr(env, "close"):
        env.close()


def test_the_first_episodes_of_every_kind_are_the_seeded_ones():
    """A wrong teacher's actions tell the sequences of observations apart."""
    seeded = {e.seed: e for e in play(taught, "teacher", 2, seed=3, texts=True).episodes}
    for kind in ("VecEnv", "next step", "same step", "single env"):
        played = play(KINDS[kind](), "teacher", 2, seed=3, texts=True).episodes
        for episode in played:
            texts = [step.texts for step in episode.steps]
            assert texts == [step.texts for step in seeded[episode.seed].steps], kind


def test_a_teacher_plays_in_bare_envs():
    record = play(lambda: gym.make(DOOR), ScriptedTeacher.named("door_key_planner"), 5, seed=1)
    assert record.success == 1.0
    assert [e.seed for e in sorted(record.episodes, key=lambda e: e.seed)] == [1, 2, 3, 4, 5]


def test_how_an_episode_ends_and_whether_it_was_won():
    lost = play(lambda: taught(WRONG, over="truncated"), "teacher", 3)
    assert (lost.success, lost.endings, lost.mean_return) == (0.0, {"truncated": 3}, 0.0)
    unsaid = play(lambda: taught(tells=False), "teacher", 3)
    assert [e.success for e in unsaid.episodes] == [None] * 3
    assert np.isnan(unsaid.success)
    cut = play(make_vec_env(taught, 2), "teacher", 4, max_steps=2)
    assert cut.endings.get("cut", 0) >= 2
    assert all(e.length <= 2 for e in cut.episodes)
    monitored = play(make_vec_env(lambda: Monitor(taught(over="truncated")), 2), "teacher", 2)
    assert monitored.mean_return == LENGTH


@pytest.mark.parametrize("env", [taught(), taught], ids=["single env", "factory"])
def test_after_a_cut_the_next_seed_is_played(env):
    record = play(env, "teacher", 3, seed=5, max_steps=2, n_envs=2)
    assert [(e.seed, e.length, e.ended) for e in record.episodes] == [
        (5, 2, "cut"), (6, 2, "cut"), (7, 2, "cut"),
    ]  # fmt: skip
    begun = []

    def zero(obs, infos, starts):
        begun.append(starts.tolist())
        return np.zeros(len(starts), int)

    play(Echo, zero, 2, max_steps=2, n_envs=1)
    assert begun == [[True], [False], [True], [False]]


@pytest.mark.parametrize("kind", ["VecEnv", "same step", "next step"])
def test_what_is_left_after_a_cut_has_no_seed(kind):
    record = play(KINDS[kind](), "teacher", 4, seed=5, max_steps=2)
    assert [(e.seed, e.length) for e in record.episodes] == [(5, 2), (None, 2), (6, 2), (None, 2)]


@pytest.mark.parametrize("n_envs", [1, 3, 16])
def test_every_seed_counts_once_short_or_long(n_envs):
    class Uneven(Echo):
        def reset(self, *, seed=None, options=None):
            obs, info = super().reset(seed=seed)
            self.left = 1 + seed % 4
            return obs, info

    def zero(obs, infos, starts):
        return np.zeros(len(starts), int)

    record = play(Uneven, zero, 10, seed=20, n_envs=n_envs)
    assert sorted((e.seed, e.length) for e in record.episodes) == [
        (seed, 1 + seed % 4) for seed in range(20, 30)
    ]
    assert record.steps == sum(e.length for e in record.episodes)


@pytest.mark.parametrize("kind", LATE)
def test_late_answers_are_waited_for(kind):
    record = play(LATE[kind](), "teacher", 2, deterministic=True)
    assert (record.mean_return, record.coverage) == (LENGTH, 1.0)


def test_late_answers_in_other_processes_are_refused():
    env = AsyncVectorEnv([slow, slow])
    with pytest.raises(TeacherSpecError, match=r"cannot be waited for.*\n?.*Cure: workers=0"):
        play(env, "teacher", 2)
    env.close()
