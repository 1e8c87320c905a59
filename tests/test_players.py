"""Who plays, and what is taken down of it: teachers, students, functions."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from gym_llmteacher import (
    Advice,
    LLMTeacherWrapper,
    ScriptedTeacher,
    TeacherPPO,
    TeacherSpecError,
    play,
)
from gym_llmteacher.playing.actors import TeacherActor
from tests.drive import right
from tests.drive import taught as drive
from tests.echo import KINDS, LENGTH, RIGHT, WRONG, Echo, Slow, grounding, sync, taught


def test_envs_without_a_teacher_say_nothing():
    def zero(obs, infos, starts):
        return np.zeros(len(starts), int)

    for env in (Echo, make_vec_env(Echo, 2), SyncVectorEnv([Echo] * 2)):
        record = play(env, zero, 2, texts=True)
        assert all(step[:3] == ((), (), ()) for e in record.episodes for step in e.steps)
        assert all(len(e.steps) == LENGTH for e in record.episodes)


def test_an_actor_may_use_one_array_for_all_its_actions():
    kept = np.zeros((2, 2), int)

    def count(obs, infos, starts):
        kept[:] = (kept + 1) % 2
        return kept

    record = play(make_vec_env(drive, 2), count, 2, texts=True)
    assert [step.action.tolist() for step in record.episodes[0].steps][:2] == [[1, 1], [0, 0]]


def test_what_was_made_is_closed_and_what_was_given_stays_open():
    closed = []

    class Closing(Echo):
        def close(self):
            closed.append(self)

    def zero(obs, infos, starts):
        return np.zeros(len(starts), int)

    play(Closing(), zero, 2)
    assert closed == []
    play(Closing, zero, 3, n_envs=2)
    assert len(closed) == 2


def test_nobody_waits_for_an_env_that_is_done():
    pending = []

    def noting(obs, infos, starts):
        pending.append(["teacher_pending" in info for info in infos])
        return np.zeros(len(starts), int)

    never = Slow(lambda here: Advice.abstain("?"))  # what it abstains from is asked again
    play(lambda: LLMTeacherWrapper(Echo(), never, grounding(), workers=1), noting, 3,
         n_envs=2, max_steps=2)  # fmt: skip
    assert pending == [[True, True], [True, True], [True, False], [True, False]]


@pytest.mark.parametrize(
    ("kind", "gap"), [("factory", 0), ("VecEnv", 0), ("same step", 0), ("next step", 1)]
)
def test_an_episode_starts_with_its_first_observation(kind, gap):
    begun = []

    def zero(obs, infos, starts):
        begun.append(bool(starts[0]))
        return np.zeros(len(starts), int)

    play(KINDS[kind](), zero, 4, n_envs=2)
    # With NEXT_STEP there is one more step, from the last observation, that only resets.
    episode = [True] + [False] * (LENGTH - 1)
    assert begun == episode + [False] * gap + episode


def test_returns_are_monitors_in_a_vec_env_alone():
    def zero(obs, infos, starts):
        return np.zeros(len(starts), int)

    class Thirds(Echo):
        def step(self, action):
            obs, _, *rest = super().step(action)
            return obs, 1 / 3, *rest

    exact = play(lambda: Monitor(Thirds()), zero, 1)
    assert exact.mean_return == sum([1 / 3] * LENGTH)
    normalised = VecNormalize(make_vec_env(Thirds, 1, wrapper_class=None), norm_obs=False)
    assert play(normalised, zero, 1).mean_return == pytest.approx(LENGTH / 3, abs=1e-5)

    class OtherEpisode(Echo):
        def step(self, action):
            *rest, info = super().step(action)
            return *rest, {**info, "episode": 7}

    assert 0 <= play(OtherEpisode, zero, 1).mean_return <= LENGTH
    assert 0 <= play(DummyVecEnv([OtherEpisode]), zero, 1).mean_return <= LENGTH


def test_variance():
    def zero(obs, infos, starts):
        return np.zeros(len(starts), int)

    record = play(lambda: taught(WRONG), zero, 20)
    returns = [e.reward for e in record.episodes]
    assert record.variance == pytest.approx(np.var(returns, ddof=1))
    assert record.variance > 0
    assert play(taught, "teacher", 1).variance == 0.0


def test_silence_is_no_coverage_and_acts_at_random():
    silent = ScriptedTeacher(lambda here: Advice.abstain("?"))
    record = play(lambda: taught(silent), "teacher", 40, deterministic=True)
    assert record.coverage == 0.0
    assert 0.5 < record.mean_return < 3.5
    half = ScriptedTeacher(lambda here: ("0",) if here.text[-1] == "0" else Advice.abstain("?"))
    assert 0.15 < play(lambda: taught(half), "teacher", 40).coverage < 0.5


def test_it_stops_when_it_is_told_to():
    counts = []

    def stop(episodes):
        counts.append(len(episodes))
        return len(episodes) >= 4

    record = play(make_vec_env(taught, 2), "teacher", 100, stop=stop)
    assert len(record.episodes) == 4
    assert max(counts) == 4


def test_several_action_dimensions():
    actor = TeacherActor(True)
    record = play(drive, actor, 3, texts=True)
    assert actor.sizes is None  # those of the next env may be others
    for episode in record.episodes:
        for step in episode.steps:
            words = step.texts[0].split()
            assert step.action.tolist() == [int(words[1].strip(",")), int(words[3].strip("."))]
            assert len(step.advices) == 2
    venv = make_vec_env(drive, 2)
    actions = []

    class Noting(TeacherActor):
        def __call__(self, obs, infos, starts):
            acted = super().__call__(obs, infos, starts)
            actions.append((right(obs), acted))
            return acted

    play(venv, Noting(True, sizes=(3, 2)), 2)
    assert all((wanted == acted).all() for wanted, acted in actions)


def test_a_student_plays_with_its_memory():
    class Remembers:
        """Counts the steps of each env's episode, as a recurrent policy could."""

        def __init__(self):
            self.seen = []

        def predict(self, obs, state=None, episode_start=None, deterministic=False):
            state = np.zeros(len(obs), int) if state is None else state
            state = np.where(episode_start, 1, state + 1)
            self.seen.append(state.copy())
            return np.zeros(len(obs), int), state

    for kind in ("VecEnv", "next step", "same step", "factory"):
        student = Remembers()
        play(KINDS[kind](), student, 4, n_envs=2)
        live = [int(n) for row in student.seen for n in row]
        assert max(live) == LENGTH + (kind == "next step"), kind
        assert live.count(1) >= 4


def test_a_trained_student():
    env = make_vec_env(taught, 4, seed=0)
    model = TeacherPPO("MlpPolicy", env, n_steps=64, batch_size=64, teacher_coef=3.0, seed=0,
                       learning_rate=3e-3, device="cpu").learn(2048)  # fmt: skip
    assert play(Echo, model, 20, deterministic=True).mean_return > 4.5
    untaught = PPO("MlpPolicy", Echo(), seed=0, device="cpu")
    assert play(Echo, untaught, 20).mean_return < 3.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: play(7, "teacher"), "play got 7, expected an env"),
        (lambda: play(taught, "nobody"), "the player is 'nobody'"),
        (lambda: play(taught, "teacher", 0), "episodes is 0"),
        (lambda: play(taught, "teacher", n_envs=0), "n_envs is 0"),
        (lambda: play(taught, "teacher", max_steps=0), "max_steps is 0"),
        (lambda: play(taught, "teacher", seed="a"), "seed is 'a'"),
        (lambda: play(taught, "teacher", seed=-1), "seed is -1, expected a whole number of 0"),
        (lambda: play(taught, RIGHT), "has a teacher already"),
        (lambda: play(sync(taught, AutoresetMode.DISABLED), "teacher"), "autoreset_mode DISABLED"),
        (lambda: play(make_vec_env(taught, 1), RIGHT), 'expected "teacher"'),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(TeacherSpecError, match=message):
        make()


def test_bad_players_are_refused_before_any_env_is_made():
    made = []
    with pytest.raises(TeacherSpecError, match="nobody"):
        play(lambda: made.append(taught()) or made[-1], "nobody")
    assert made == []
