"""Teachers around others: outages, files, policies, refused keys."""

import threading
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    Abstention,
    Advice,
    CascadeTeacher,
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    ObservationGrounding,
    PolicyTeacher,
    ScriptedTeacher,
    SimulatedTeacher,
    VecTeacher,
    WithProbability,
)
from gym_llmteacher.advising.adviser import Adviser
from gym_llmteacher.errors import (
    ModelUnavailableError,
)
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.track import LEFT, RIGHT, Track, cart, on


class Sometimes(ScriptedTeacher):
    """Down while ``down`` is set."""

    def __init__(self):
        super().__init__(lambda here: (RIGHT,))
        self.down = True

    def advise(self, situations):
        if self.down:
            return [Advice.abstain("no answer", Abstention.SERVER_DOWN) for _ in situations]
        return super().advise(situations)


@pytest.mark.parametrize("workers", [0, 2])
def test_after_an_outage_a_cascade_returns_to_its_first_teacher(workers):
    model = Sometimes()
    cascade = CascadeTeacher([model, ScriptedTeacher(lambda here: (LEFT,))])
    adviser = Adviser(cascade, (2,), workers=workers, smoothing=0.0)

    def said():
        taught = adviser.advise((cart(),), None)
        for _, prior, _ in adviser.late({0: taught.pending} if taught.pending else {}, 10.0):
            return prior.tolist()
        return taught.prior.tolist()

    assert said() == [1.0, 0.0]
    model.down = False
    later = []
    while len(later) < 1000 and later[-1:] != [[0.0, 1.0]]:
        later.append(said())  # meanwhile the fallback's advice stands
        threading.Event().wait(0.001)
    assert later[-1] == [0.0, 1.0]
    assert said() == [0.0, 1.0]
    adviser.close()


@pytest.mark.parametrize("process", [False, True])
def test_what_a_file_knows_is_used_where_nothing_may_be_asked(process, tmp_path):
    path = tmp_path / "a.sqlite"
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        LLMTeacher(server.model, path, samples=1).advise([replace(cart(), task="x")])
        asked = len(server.history)
        envs = make_vec_env(lambda: GroundingWrapper(Track(), on("x")), 2)
        teacher = LLMTeacher(server.model, path, samples=1)
        venv = VecTeacher(envs, teacher, ask=WithProbability(0), process=process)
        weights = []
        venv.reset()
        for _ in range(15):
            weights += [i["teacher_weight"] for i in venv.step(np.zeros(2, int))[3]]
        # Nothing is asked at the end of an episode; everywhere else the file knows.
        assert [w for w in weights if w] == [1.0] * (30 - 2 * (15 // 6))
        venv.close()
        assert len(server.history) - asked <= 1  # the probe


def test_simulations_and_cascades_of_a_policy():
    expert = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, seed=0)
    policy = PolicyTeacher(expert)
    for teacher in (policy, SimulatedTeacher(policy, 1.0), CascadeTeacher([policy, policy])):
        env = LLMTeacherWrapper(gym.make("CartPole-v1"), teacher, smoothing=0.0)
        obs, info = env.reset(seed=3)
        wanted = expert.policy.get_distribution(expert.policy.obs_to_tensor(obs)[0]).distribution
        np.testing.assert_allclose(info["teacher_prior"], wanted.probs[0].detach(), atol=1e-6)


def test_a_policy_teaches_many_envs_by_their_own_observations():
    expert = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, seed=0)
    for grounding in (None, ObservationGrounding(2)):
        envs = make_vec_env(
            "CartPole-v1", 3, seed=0, wrapper_class=GroundingWrapper,
            wrapper_kwargs={"grounding": grounding},
        )  # fmt: skip
        venv = VecTeacher(envs, PolicyTeacher(expert), smoothing=0.0, workers=0)
        obs, infos = venv.reset(), venv.unwrapped.reset_infos
        for _ in range(30):
            tensor, _ = expert.policy.obs_to_tensor(obs)
            wanted = expert.policy.get_distribution(tensor).distribution.probs.detach().numpy()
            given = np.stack([info["teacher_prior"] for info in infos])
            np.testing.assert_allclose(given, wanted, atol=1e-6)
            obs, _, dones, infos = venv.step(np.ones(3, int))
            infos = [venv.unwrapped.reset_infos[i] if d else infos[i] for i, d in enumerate(dones)]
        venv.close()


def test_a_refused_key_is_found_under_a_simulation():
    with FakeLLMServer(FakeReply("no such key", status=401)) as server:
        teacher = SimulatedTeacher(LLMTeacher(server.model, ":memory:"), 0.5)
        with pytest.raises(ModelUnavailableError, match="AuthenticationError"):
            LLMTeacherWrapper(Track(), teacher, on("x"))
