"""A student outlives its teacher: save, load, go on, and run where this package is unknown."""

import pickle
import subprocess

import cloudpickle
import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    EgoMapFeatures,
    Linear,
    LLMTeacherWrapper,
    LoopFreePolicy,
    ScriptedTeacher,
    SubgoalFeatures,
    TeacherPPO,
)
from tests.alone import without_this_package
from tests.lessons import TASK
from tests.tagging import Counter


def student(env=None, policy="MlpPolicy", **kwargs):
    env = env or make_vec_env(Counter, 2, seed=0)
    return TeacherPPO(policy, env, n_steps=32, batch_size=32, n_epochs=2, seed=0,
                      device="cpu", **kwargs)  # fmt: skip


def parameters(model):
    return th.cat([p.detach().flatten() for p in model.policy.parameters()])


def test_loaded_student_goes_on_where_it_stopped(tmp_path):
    coef = Linear(1.0, 0.0, steps=200)
    model = student(teacher_coef=coef).learn(128)
    assert model.current_coef == pytest.approx(coef(128))
    model.save(tmp_path / "student")
    loaded = TeacherPPO.load(tmp_path / "student", env=make_vec_env(Counter, 2, seed=5))
    assert th.equal(parameters(loaded), parameters(model))
    assert loaded.current_coef == model.current_coef  # λ neither starts again nor climbs
    loaded.learn(128, reset_num_timesteps=False)
    assert loaded.num_timesteps == 256
    assert loaded.current_coef == 0.0
    assert not th.equal(parameters(loaded), parameters(model))


def test_default_schedule_is_kept(tmp_path):
    model = student().learn(64)
    model.save(tmp_path / "student")
    loaded = TeacherPPO.load(tmp_path / "student")
    assert loaded.teacher_coef == model.teacher_coef
    assert loaded.teacher_coef["shape"] == "llm4teach"
    assert loaded.teacher_coef["cut_steps"] == pytest.approx(0.7 * 64)


def test_an_adaptive_schedule_goes_on_where_it_was(tmp_path):
    adaptive = {"shape": "adaptive", "plateau_steps": 100, "decay_steps": 100, "fade_steps": 100}
    model = student(teacher_coef=adaptive).learn(512)
    assert model.teacher_coef["state"]["decay_from"] > 0
    model.save(tmp_path / "student")
    loaded = TeacherPPO.load(tmp_path / "student", env=make_vec_env(Counter, 2))
    assert loaded.teacher_coef == model.teacher_coef
    assert loaded.current_coef == model.current_coef < 3.0
    loaded.learn(64)  # from 0: all over again
    assert loaded.current_coef == 3.0


def test_learning_in_pieces_equals_learning_at_once():
    whole = student(teacher_coef=0.5).learn(256)
    pieces = student(teacher_coef=0.5)
    pieces.learn(128).learn(128, reset_num_timesteps=False)
    # SB3 itself draws nothing between the pieces when the schedule is constant.
    assert th.equal(parameters(whole), parameters(pieces))


def test_set_parameters_and_get_parameters_are_ppos():
    model, plain = student(teacher_coef=1.0), PPO("MlpPolicy", Counter(), n_steps=32, batch_size=32)
    plain.set_parameters(model.get_parameters())
    assert th.equal(parameters(plain), parameters(model))


def test_loads_in_plain_ppo_without_this_package(tmp_path):
    """In another process, where importing gym_llmteacher fails."""

    def wrap(env):
        return LLMTeacherWrapper(env, {"script": "door_key_planner"})

    env = make_vec_env(TASK, 2, seed=0, wrapper_class=wrap)
    model = student(env, LoopFreePolicy, policy_kwargs={
        "features_extractor_class": EgoMapFeatures, "net_arch": [32]
    }).learn(64)  # fmt: skip
    model.save(tmp_path / "student.zip")
    obs = np.stack([gym.make(TASK).reset(seed=s)[0] for s in range(8)])
    np.save(tmp_path / "obs.npy", obs)
    expected, _ = model.predict(obs, deterministic=True)
    script = f"""
        import numpy as np
        from stable_baselines3 import PPO
        model = PPO.load({str(tmp_path / "student.zip")!r}, device="cpu")
        actions, _ = model.predict(np.load({str(tmp_path / "obs.npy")!r}), deterministic=True)
        assert not any(name.startswith("gym_llmteacher") for name in sys.modules)
        print(type(model).__name__, actions.tolist())
    """
    done = without_this_package(script, tmp_path, "-W", "error::UserWarning")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == f"PPO {expected.tolist()}"


class Doubled(EgoMapFeatures):
    """A class of the user's own."""

    def forward(self, observations):
        return 2 * super().forward(observations)


def test_classes_are_saved_as_source_and_loaded_from_this_package_where_it_is():
    for cls in (LoopFreePolicy, EgoMapFeatures, SubgoalFeatures):
        saved = cloudpickle.dumps(cls)
        # By value it would be bytecode, on which another version of Python crashes.
        assert b"cloudpickle" not in saved
        assert b".py" not in saved  # nor a folder of this machine
        assert pickle.loads(saved) is cls
    assert pickle.loads(pickle.dumps(Doubled)) is Doubled


def test_no_teacher_and_no_secret_is_saved(tmp_path):
    secret = "planted-secret-4711"
    teacher = ScriptedTeacher(lambda situation: ("explore",) if secret else ())
    env = make_vec_env(TASK, 1, wrapper_class=lambda e: LLMTeacherWrapper(e, teacher))
    student(env).learn(64).save(tmp_path / "student.zip")
    unpacked = subprocess.run(
        ["python3", "-m", "zipfile", "-e", "student.zip", "out"], cwd=tmp_path, check=True
    )
    assert unpacked.returncode == 0
    content = b"".join(p.read_bytes() for p in (tmp_path / "out").iterdir())
    assert secret.encode() not in content
    assert b"ScriptedTeacher" not in content


def test_a_users_own_schedule_is_saved_with_the_student(tmp_path):
    model = student(teacher_coef={"shape": "exponential", "start": 2.0, "half_life": 100})
    model.learn(64).save(tmp_path / "student")
    assert TeacherPPO.load(tmp_path / "student").current_coef == pytest.approx(2 * 0.5**0.64)
