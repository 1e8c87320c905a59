"""Evaluation during training: the student without a teacher, and the teacher by itself."""

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecNormalize

from gym_llmteacher import (
    Advice,
    GroundingWrapper,
    ScriptedTeacher,
    TeacherEvalCallback,
    TeacherPPO,
    TeacherRecurrentPPO,
    VecTeacher,
    WithProbability,
)
from tests.logged import logged
from tests.shout import Shout, grounding, knows, taught

SMALL = {"n_steps": 32, "batch_size": 32, "n_epochs": 2, "seed": 0, "device": "cpu"}


class Counting(ScriptedTeacher):
    """Counts questions; knows what it was asked before."""

    def __init__(self, function=knows):
        super().__init__(function)
        self.asked = []

    def advise(self, situations):
        self.asked += [s.text for s in situations]
        return super().advise(situations)

    def cached(self, situation):
        return super().advise([situation])[0] if situation.text in self.asked else None


def wrapped(teacher, **kwargs):
    return taught(teacher=teacher, **kwargs)


def test_the_student_is_evaluated_as_by_sb3_and_nothing_is_asked(tmp_path):
    teacher = Counting()

    def scores(callback_class, env):
        model = TeacherPPO("MlpPolicy", Monitor(Tagged()), teacher_coef=1.0, **SMALL)
        callback = callback_class(
            env, n_eval_episodes=4, eval_freq=16, log_path=str(tmp_path / callback_class.__name__),
            best_model_save_path=str(tmp_path), verbose=0,
        )  # fmt: skip
        env.reset(seed=5)
        teacher.asked.clear()
        model.learn(64, callback=callback)
        return np.load(callback.log_path + ".npz")["results"]

    class Tagged(Shout):
        def step(self, action):
            return *super().step(action)[:4], self.info()

        def reset(self, **kwargs):
            return super().reset(**kwargs)[0], self.info()

        def info(self):
            return {"teacher_prior": np.eye(3)[self.wanted], "teacher_weight": 1.0}

    plain = scores(EvalCallback, Monitor(Shout()))
    ours = scores(TeacherEvalCallback, wrapped(teacher))
    assert ours.shape == (4, 4)
    np.testing.assert_array_equal(ours, plain)
    assert teacher.asked == []
    assert type(PPO.load(tmp_path / "best_model")) is PPO


def test_the_teacher_plays_by_itself():
    teacher = Counting()
    model = TeacherPPO("MlpPolicy", wrapped(teacher), **SMALL)
    callback = TeacherEvalCallback(
        wrapped(teacher), eval_freq=32, teacher_env=wrapped(teacher), verbose=0
    )
    values = logged(model, 32, callback)
    assert values["teacher/eval_mean_reward"] == callback.last_teacher_reward == 10
    assert values["teacher/eval_mean_ep_length"] == 10
    assert values["teacher/eval_success_rate"] == 1
    assert values["eval/mean_reward"] < 9


def test_agreement_is_that_of_the_student(monkeypatch):
    model = TeacherPPO("MlpPolicy", wrapped(Counting()), **SMALL)
    shares = []
    for always in range(3):
        played = wrapped(Counting())
        played.reset(seed=0)  # the same episodes each time
        monkeypatch.setattr(
            model, "predict", lambda obs, *args, a=always, **kw: (np.full(len(obs), a), None)
        )
        values = logged(
            model,
            32,
            TeacherEvalCallback(wrapped(Counting()), eval_freq=32, n_eval_episodes=20, verbose=0,
                                teacher_env=played),
        )  # fmt: skip
        shares.append(values["teacher/eval_agreement"])
    assert shares == pytest.approx([1 / 3] * 3, abs=0.1)
    assert sum(shares) == pytest.approx(1.0)  # one of the three actions is the teacher's


def test_what_is_known_already_costs_no_question():
    teacher = Counting()
    teacher.asked = ["shout 0", "shout 1"]
    model = TeacherPPO("MlpPolicy", wrapped(ScriptedTeacher(knows)), **SMALL)
    callback = TeacherEvalCallback(
        wrapped(teacher), eval_freq=32, n_eval_episodes=30, verbose=0,
        teacher_env=wrapped(teacher, ask=WithProbability(0)),
    )  # fmt: skip
    logged(model, 32, callback)
    assert teacher.asked == ["shout 0", "shout 1"]
    # Two of three situations are known; in the third the last advice stands, which is wrong.
    assert callback.last_teacher_reward == pytest.approx(20 / 3, abs=0.8)


def test_a_silent_teacher_plays_at_random_and_agrees_with_nobody():
    silent = Counting(lambda s: Advice.abstain("no idea"))
    model = TeacherPPO("MlpPolicy", wrapped(silent), **SMALL)
    callback = TeacherEvalCallback(
        wrapped(silent), eval_freq=32, n_eval_episodes=30, verbose=0, teacher_env=wrapped(silent)
    )
    values = logged(model, 32, callback)
    assert callback.last_teacher_reward == pytest.approx(10 / 3, abs=0.8)
    assert "teacher/eval_agreement" not in values


def test_normalised_observations_and_late_teachers():
    teacher = Counting()

    def envs():
        bare = make_vec_env(lambda: GroundingWrapper(Shout(), grounding()), 2, seed=0)
        return VecNormalize(VecTeacher(bare, teacher))

    training, evaluation = envs(), envs()
    model = TeacherPPO("MlpPolicy", training, **SMALL)
    callback = TeacherEvalCallback(
        evaluation, eval_freq=16, verbose=0,
        teacher_env=envs(),
    )  # fmt: skip
    logged(model, 32, callback)
    assert evaluation.obs_rms.mean == pytest.approx(training.obs_rms.mean, abs=0.2)
    assert callback.last_teacher_reward > 9  # raw, though rewards are normalised in training
    for env in (training, evaluation):
        env.close()


def test_a_recurrent_students_memory_is_handed_around():
    teacher = Counting()
    model = TeacherRecurrentPPO(
        "MlpLstmPolicy", wrapped(teacher), **SMALL, policy_kwargs={"lstm_hidden_size": 8}
    )
    callback = TeacherEvalCallback(
        wrapped(teacher), eval_freq=32, teacher_env=wrapped(teacher), verbose=0
    )
    assert 0 <= logged(model, 32, callback)["teacher/eval_agreement"] <= 1
