"""One teacher for all envs, whose answers may come late: nothing is lost, nothing is waited for."""

import threading

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor, VecNormalize

from gym_llmteacher import GroundingWrapper, ScriptedTeacher, TeacherPPO, VecTeacher
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.errors import (
    GroundingError,
    ModelUnavailableError,
    PriorError,
    TeacherSpecError,
)
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.prior import prior_from
from gym_llmteacher.sb3.telemetry import teacher_totals
from gym_llmteacher.teachers.scripted import door_key_planner
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.lessons import PLANNER, TASK

WRAPPERS = [lambda venv: venv, VecMonitor, lambda venv: VecNormalize(venv, norm_obs=False)]


def envs(n=3, kind=DummyVecEnv):
    return make_vec_env(TASK, n, seed=0, wrapper_class=GroundingWrapper, vec_env_cls=kind)


def student(venv, kind=TeacherPPO, **kwargs):
    return kind("MlpPolicy", venv, n_steps=32, batch_size=32, n_epochs=1, seed=0, device="cpu",
                **{"teacher_coef": 1.0, **kwargs})  # fmt: skip


class Gated(ScriptedTeacher):
    """Answers nothing until the gate is opened."""

    def __init__(self):
        super().__init__(door_key_planner)
        self.gate = threading.Event()
        self.asked = []

    def advise(self, situations):
        self.asked += [situation.text for situation in situations]
        self.gate.wait(20)
        return super().advise(situations)


@pytest.mark.parametrize("kind", [DummyVecEnv, SubprocVecEnv])
@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
def test_priors_are_those_of_the_situations(kind, wrap):
    """Recomputed from the stored observations, over episode ends, under wrappers outside."""
    from gym_llmteacher.groundings.minigrid import DoorKeyGrounding

    class Seen:
        mission = "get the key, then open the door"

        def __init__(self, memory):
            self.memory, self.unwrapped = memory, self

    venv = wrap(VecTeacher(envs(2, kind), PLANNER))
    rows = []

    class Checked(TeacherPPO):
        def train(self):
            super().train()
            buffer = self.rollout_buffer
            assert not buffer.pending or (buffer.teacher_weights > 0).all()
            rows.append((self.seen, buffer.teacher_priors.copy()))

    model = Checked("MlpPolicy", venv, n_steps=400, batch_size=100, n_epochs=1, seed=0,
                    teacher_coef=1.0, device="cpu")  # fmt: skip
    original = model.rollout_buffer.compute_returns_and_advantage

    def remember(**kwargs):
        model.seen = model.rollout_buffer.observations.astype(np.uint8).copy()
        return original(**kwargs)

    model.rollout_buffer.compute_returns_and_advantage = remember
    model.learn(800)
    venv.close()
    ((seen, priors),) = rows
    planner = ScriptedTeacher(door_key_planner)
    flat_seen = seen.swapaxes(0, 1).reshape(-1, *seen.shape[2:])
    wrong = 0
    for obs, prior in zip(flat_seen, priors, strict=True):
        situation = DoorKeyGrounding().describe(Seen(obs), obs)
        expected, _ = prior_from(planner.advise([situation])[0], situation, 0.02)
        wrong += not np.allclose(expected, prior, atol=1e-6)
    assert wrong == 0


def test_late_answers_are_filled_in_before_the_loss():
    teacher = Gated()
    venv = VecTeacher(envs(), teacher, late_timeout=20.0)
    stepped = []

    class LetsGo(TeacherPPO):
        """The answers come when the rollout is over."""

        def train(self):
            buffer = self.rollout_buffer
            stepped.append((buffer.teacher_weights.copy(), dict(buffer.pending)))
            teacher.gate.set()
            super().train()
            assert (buffer.teacher_weights == 1).all()
            np.testing.assert_allclose(buffer.teacher_priors.sum(axis=-1), 1, atol=1e-5)
            assert self.logger.name_to_value["teacher/coverage"] == 1.0  # before the loss

    model = student(venv, LetsGo)
    model.learn(96)
    weights, pending = stepped[0]
    assert (weights == 0).all()  # a whole rollout went by without an answer
    assert len(pending) == weights.size
    assert sorted(teacher.asked) == sorted(set(teacher.asked))  # every text once
    totals = teacher_totals(venv)
    assert totals["came_late"] == 96
    assert totals["late"] == 96 + 3  # and the observations that the next rollout begins with
    venv.close()


def test_what_comes_too_late_abstains_and_training_goes_on():
    teacher = Gated()
    venv = VecTeacher(envs(), teacher, late_timeout=0.0)
    model = student(venv).learn(192)
    assert model.num_timesteps == 192
    assert (model.rollout_buffer.teacher_weights == 0).all()
    assert len(teacher.asked) == len(set(teacher.asked))  # still open, so not asked again
    teacher.gate.set()
    assert list(venv.late_priors(model.rollout_buffer.pending, timeout=20.0))
    model.learn(96, reset_num_timesteps=False)
    assert (model.rollout_buffer.teacher_weights > 0).mean() > 0.5
    venv.close()


def test_many_texts_are_asked_at_once(tmp_path):
    """Real HTTP: a server that holds all requests until eight of them are there."""
    barrier = threading.Barrier(8, timeout=20)

    def reply(body):
        barrier.wait()
        return FakeReply("Action: {a}")

    rows = np.eye(2, dtype=np.float32)
    from gym_llmteacher import LLMTeacher, Situation

    situations = [Situation(f"text {i}", ("a", "b"), rows) for i in range(16)]
    with FakeLLMServer(reply) as server:
        teacher = LLMTeacher(server.model, tmp_path / "answers.sqlite", samples=1)
        advisor = BackgroundAdvisor(teacher, workers=8)
        assert [advisor.advice(situation) for situation in situations] == [None] * 16
        advisor.wait(situations, 20.0)
        assert [advisor.advice(s).plans for s in situations] == [((("a",), 1.0),)] * 16
        assert len(server.history) == 16
        advisor.close()
    assert len(Answers(tmp_path / "answers.sqlite")) == 16
    assert teacher.metrics()["calls"] == 16


def test_an_answer_that_could_not_be_had_is_asked_for_again():
    answers = [None, ("explore",)]

    def script(situation):
        from gym_llmteacher import Advice

        return answers.pop(0) or Advice.abstain("busy")

    advisor = BackgroundAdvisor(ScriptedTeacher(script))
    here = GroundingWrapper(gym.make(TASK)).reset(seed=0)[1]["teacher_situation"]
    advisor.wait([here], 10.0)
    assert advisor.advice(here).abstained
    advisor.wait([here], 10.0)
    assert advisor.advice(here).plans == ((("explore",), 1.0),)
    assert advisor.open_questions == 0
    advisor.close()


def test_after_the_cut_nothing_is_described():
    venv = VecTeacher(envs(2), PLANNER)
    student(venv, teacher_coef={"shape": "linear", "start": 1.0, "steps": 64}).learn(128)
    *_, infos = venv.venv.step(np.zeros(2, dtype=int))
    assert [info["teacher_situation"] for info in infos] == [None, None]
    *_, infos = venv.step(np.zeros(2, dtype=int))
    assert [info["teacher_weight"] for info in infos] == [0.0, 0.0]
    venv.close()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: VecTeacher(make_vec_env(TASK, 1), PLANNER), GroundingError, "GroundingWrapper"),
        (lambda: VecTeacher(envs(1), PLANNER, workers=-1), TeacherSpecError, "workers is -1"),
        (lambda: VecTeacher(envs(1), PLANNER, smoothing=2), PriorError, "smoothing is 2"),
        (lambda: VecTeacher(envs(1), "nonsense/m"), ModelUnavailableError, "nonsense/m"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_evaluation_env_that_is_normalised_the_same_way():
    teacher = ScriptedTeacher(lambda situation: situation.options[:1])
    envs = make_vec_env("CartPole-v1", 2, wrapper_class=GroundingWrapper)
    envs = VecNormalize(VecTeacher(envs, teacher))
    evaluated = DummyVecEnv([lambda: gym.make("CartPole-v1")])
    evaluated = VecNormalize(VecMonitor(evaluated), training=False)
    model = TeacherPPO("MlpPolicy", envs, n_steps=32, batch_size=64, teacher_eval_episodes=0)
    model.learn(128, callback=EvalCallback(evaluated, n_eval_episodes=1, eval_freq=32, verbose=0))
    assert evaluated.obs_rms.count == envs.obs_rms.count > 100
