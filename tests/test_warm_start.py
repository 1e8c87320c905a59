"""A student that has trained before is taught from where it stands; and SB3's other ways."""

import warnings

import numpy as np
import pytest
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from gym_llmteacher import Linear, LLM4Teach, TeacherPPO
from gym_llmteacher.errors import PriorError, ScheduleError
from tests.students import ALL, log_of, make, parameters
from tests.tagging import Counter


def trained(tmp_path, name="PPO", steps=960):
    make(name, ALL[name][1]).learn(steps).save(tmp_path / "plain")
    return tmp_path / "plain"


@pytest.mark.parametrize("name", ["PPO", "A2C", "DQN"])
def test_the_default_begins_where_teaching_begins(name, tmp_path):
    path = trained(tmp_path, name)
    model = ALL[name][0].load(path, env=make_vec_env(Counter, 3, seed=1))
    begun = model.num_timesteps
    assert begun >= 960
    rows = log_of(model, 960, reset_num_timesteps=False)
    coefs = [row["teacher/coef"] for row in rows]
    assert coefs[0] > 2.0 or name == "DQN"
    assert sorted(coefs, reverse=True) == coefs
    if name == "DQN":
        assert (model.teacher_coef, set(coefs)) == (1.0, {1.0})
    else:
        assert model.teacher_coef["begin"] == begun
    if name == "PPO":
        # 3 -> 0.1 over 40 % of the 10 rollouts, held to 70 %, then 0; each update is at the end.
        assert coefs == pytest.approx([2.275, 1.55, 0.825, 0.1, 0.1, 0.1, 0, 0, 0, 0])
    plain = ALL[name][1].load(path, env=make_vec_env(Counter, 3, seed=1))
    plain.learn(960, reset_num_timesteps=False)
    assert not th.equal(parameters(plain), parameters(model))


def test_a_warm_student_that_is_counted_from_0_again_begins_at_0(tmp_path):
    model = TeacherPPO.load(trained(tmp_path), env=make_vec_env(Counter, 3, seed=1)).learn(192)
    assert model.teacher_coef["begin"] == 0


def test_a_schedule_that_is_over_before_it_starts_warns(tmp_path):
    env, coef = make_vec_env(Counter, 3, seed=1), Linear(1.0, 0.0, steps=500)
    model = TeacherPPO.load(trained(tmp_path), env=env, teacher_coef=coef)
    with pytest.warns(UserWarning, match=r"0 from env step 500 on.*begins at 960: nothing"):
        model.learn(96, reset_num_timesteps=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Over because it has taught; 0 because that was asked for; or counted from 0 again.
        done = make("PPO", teacher_coef=Linear(1.0, 0.0, steps=180)).learn(96)
        done.learn(96, reset_num_timesteps=False).learn(96, reset_num_timesteps=False)
        done.save(tmp_path / "taught")
        again = TeacherPPO.load(tmp_path / "taught", env=env)
        again.learn(96, reset_num_timesteps=False)
        TeacherPPO.load(trained(tmp_path), env=env, teacher_coef=0).learn(
            96, reset_num_timesteps=False
        )
        model.learn(96)


def test_a_beginning_of_ones_own():
    coef = LLM4Teach(2.0, 1.0, decay_steps=100, cut_steps=200, begin=1000)
    assert [coef(t) for t in (0, 1000, 1050, 1100, 1199, 1200)] == [2.0, 2.0, 1.5, 1.0, 1.0, 0.0]
    assert coef.zero_from == 1200
    with pytest.raises(ScheduleError, match="begin is -1"):
        LLM4Teach(begin=-1)


class Bare(DummyVecEnv):
    """A VecEnv from before SB3 had ``reset_infos``."""

    def __getattribute__(self, name):
        if name == "reset_infos" and super().__getattribute__("__dict__").get("hides"):
            raise AttributeError(name)
        return super().__getattribute__(name)

    def reset(self):
        self.hides = False
        obs = super().reset()
        self.hides = True
        return obs

    def step_wait(self):
        self.hides = False
        result = super().step_wait()
        self.hides = True
        return result


@pytest.mark.parametrize("name", ALL)
def test_a_vec_env_without_reset_infos(name):
    cls, parent, arguments = ALL[name]
    if name == "MaskablePPO":
        arguments = {**arguments, "n_steps": 32}

    def learned(cls, **more):
        env = Bare([Counter] * 3)
        env.seed(1)
        return parameters(cls(env=env, **{**arguments, **more}).learn(96, **quiet))

    quiet = {"use_masking": False} if name == "MaskablePPO" else {}
    assert th.equal(learned(parent), learned(cls, teacher_coef=0))
    with pytest.raises(PriorError, match=r"Bare has no attribute 'reset_infos'.*teacher_coef=0"):
        learned(cls, teacher_coef=1.0)


@pytest.mark.parametrize("number", [np.float32(1), np.float64(1), np.int64(1), 1])
def test_numbers_of_numpy_are_numbers(number, tmp_path):
    model = make("PPO", teacher_coef=number).learn(96)
    assert model.current_coef == 1.0
    model.save(tmp_path / "student")
    assert type(TeacherPPO.load(tmp_path / "student").teacher_coef) is float
    saved = make("PPO", teacher_coef=Linear(number, 0.0, np.int64(1000))).teacher_coef
    assert {type(value) for value in saved.values()} <= {str, float, int}
    make("DQN", teacher_coef=1.0, teacher_temperature=np.float32(0.5))
    with pytest.raises(ScheduleError, match="True"):
        make("PPO", teacher_coef=True)


@pytest.mark.parametrize("name", ALL)
def test_the_folder_of_tensorboard_is_named_after_the_class(name):
    folders = []

    class Watched(ALL[name][0]):
        def _setup_learn(self, total, callback, reset, tb_log_name, progress_bar=False):
            folders.append(tb_log_name)
            return super()._setup_learn(total, callback, reset, tb_log_name, progress_bar)

    Watched.__name__ = ALL[name][0].__name__
    model = make(name, Watched, teacher_coef=0)
    model.learn(32)
    model.learn(32, tb_log_name="mine")
    model.learn(32, None, 1, "by position")
    assert folders == [f"Teacher{name}", "mine", "by position"]


def test_plain_ppo_with_its_zip_goes_on_being_plain(tmp_path):
    """What the taught class adds to the zip is no business of the parent's."""
    model = TeacherPPO.load(trained(tmp_path), env=make_vec_env(Counter, 3, seed=1))
    model.learn(96, reset_num_timesteps=False).save(tmp_path / "taught")
    plain = PPO.load(tmp_path / "taught", env=make_vec_env(Counter, 3, seed=1))
    assert plain.learn(96, reset_num_timesteps=False).num_timesteps == 960 + 96 + 96
