"""Gymnasium's own vector envs: every prior belongs to the observation returned with it."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList

from gym_llmteacher import (
    ActionGrounding,
    GroundingWrapper,
    LLMTeacher,
    ScriptedTeacher,
    VectorTeacher,
)
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.testing import FakeLLMServer, FakeReply


class Steps(gym.Env):
    """Episodes of three to five steps; the observation is (episode, step)."""

    observation_space = gym.spaces.Box(0, 1e6, (2,), np.float32)
    action_space = gym.spaces.Discrete(3)
    metadata = {"render_modes": []}

    def __init__(self):
        self.episode = -1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.now = self.episode + 1, 0
        self.length = int(self.np_random.integers(3, 6))
        return self._obs(), {}

    def step(self, action):
        self.now += 1
        return self._obs(), 0.0, self.now >= self.length, False, {}

    def _obs(self):
        return np.array([self.episode, self.now], np.float32)


def option(episode, now):
    return "abc"[(3 * int(episode) + int(now)) % 3]


def make():
    grounding = ActionGrounding(lambda obs: f"at {obs[0]:.0f} {obs[1]:.0f}", list("abc"))
    return GroundingWrapper(Steps(), grounding)


def planner(situation):
    return (option(*situation.text.split()[1:]),)


@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_priors_belong_to_their_observations(kind, mode):
    envs = kind([make] * 3, autoreset_mode=mode)
    envs = VectorTeacher(envs, ScriptedTeacher(planner), smoothing=0.0, late_timeout=20.0)
    obs, infos = envs.reset(seed=0)
    taught = ends = 0
    for _ in range(60):
        assert infos["teacher_prior"].shape == (3, 3)
        assert infos["teacher_prior"].dtype == np.float32
        late = envs.late_priors(infos["teacher_pending"])
        for i, row in enumerate(obs):
            prior, weight = late.get(i, (infos["teacher_prior"][i], infos["teacher_weight"][i]))
            if weight > 0:
                taught += 1
                assert prior.tolist() == np.eye(3)["abc".index(option(*row))].tolist()
        obs, _, over, _, infos = envs.step(np.zeros(3, dtype=int))
        ends += int(over.sum())
        if mode == AutoresetMode.NEXT_STEP:
            # At the end of an episode there is nothing to be asked; it is not even pending.
            for i in np.flatnonzero(over):
                assert infos["teacher_weight"][i] == 0
                assert infos["teacher_pending"][i] is None
        else:
            assert "teacher_prior" not in infos.get("final_info", {})
    assert ends > 20
    untaught = ends if mode == AutoresetMode.NEXT_STEP else 0
    assert taught >= 3 * 60 - untaught
    envs.close()


def test_answers_come_late_and_each_text_is_asked_once():
    with FakeLLMServer(FakeReply("Action: {b}", delay=0.05)) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1)
        envs = VectorTeacher(SyncVectorEnv([make] * 4), teacher, smoothing=0.0, late_timeout=20.0)
        server.history.clear()
        _, infos = envs.reset(seed=0)
        assert infos["teacher_weight"].tolist() == [0, 0, 0, 0]
        assert infos["_teacher_pending"].tolist() == [True] * 4
        late = envs.late_priors(infos["teacher_pending"])
        assert [prior.tolist() for prior, _ in late.values()] == [[0, 1, 0]] * 4
        assert len(server.history) == 1
        assert envs.teacher_metrics()["calls"] == 2  # the probe counts
        envs.close()


def test_a_reset_of_some_leaves_the_others_taught():
    """Autoreset switched off: the caller resets those envs that are over."""
    envs = SyncVectorEnv([make] * 3, autoreset_mode=AutoresetMode.DISABLED)
    envs = VectorTeacher(envs, ScriptedTeacher(planner), smoothing=0.0, workers=0)
    obs, infos = envs.reset(seed=0)
    resets = 0
    for _ in range(40):
        for i, row in enumerate(obs):
            assert infos["teacher_weight"][i] == 1
            assert (
                infos["teacher_prior"][i].tolist() == np.eye(3)["abc".index(option(*row))].tolist()
            )
        obs, _, terminated, truncated, infos = envs.step(np.zeros(3, dtype=int))
        over = terminated | truncated
        if over.any():
            assert (infos["teacher_weight"][over] == 0).all()
            resets += 1
            obs, infos = envs.reset(options={"reset_mask": over})
    assert resets > 5
    envs.close()


def test_infos_as_lists():
    with FakeLLMServer(FakeReply("Action: {b}", delay=0.05)) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1)
        inner = VectorTeacher(SyncVectorEnv([make] * 2), teacher, smoothing=0.0, late_timeout=20.0)
        envs = DictInfoToList(inner)
        _, infos = envs.reset(seed=0)
        assert [info["teacher_pending"].advices for info in infos] == [(None,), (None,)]
        late = inner.late_priors({i: info["teacher_pending"] for i, info in enumerate(infos)})
        assert [prior.tolist() for prior, _ in late.values()] == [[0, 1, 0]] * 2
        envs.close()


def test_bad_envs():
    with pytest.raises(GroundingError, match="wrappers=\\[GroundingWrapper\\]"):
        VectorTeacher(SyncVectorEnv([Steps]), ScriptedTeacher(planner)).reset()
    continuous = gym.make_vec("Pendulum-v1", 1)
    with pytest.raises(GroundingError, match="expected Discrete"):
        VectorTeacher(continuous, ScriptedTeacher(planner))
    continuous.close()
