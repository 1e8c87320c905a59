"""`LLMTeacherWrapper`: its contract with Gymnasium and with whoever reads ``info``."""

import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from gym_llmteacher import ActionGrounding, LLMTeacherWrapper, PriorOverlay, ScriptedTeacher
from gym_llmteacher.envs import TASKS, env_id
from gym_llmteacher.sb3.telemetry import teacher_totals
from tests.lessons import PLANNER

# The checker would rather see bare envs; here the wrapper is what is checked.
pytestmark = pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")


def wrapped(task="SimpleDoorKey", teacher=PLANNER, **kwargs):
    return LLMTeacherWrapper(gym.make(env_id(task)), teacher=teacher, **kwargs)


def rollout(env, seed=3, steps=200):
    env.action_space.seed(seed)
    trace = [env.reset(seed=seed)]
    for _ in range(steps):
        step = env.step(env.action_space.sample())
        trace.append(step)
        if step[2] or step[3]:
            trace.append(env.reset())
    return trace


def infos(trace):
    return [step[-1] for step in trace]


@pytest.mark.parametrize("task", TASKS)
def test_gymnasiums_and_sb3s_checks(task):
    check_env(wrapped(task), skip_render_check=True)
    check_env_for_sb3(wrapped(task), warn=False)


def test_the_embedded_model_is_the_default_teacher():
    env = LLMTeacherWrapper(gym.make(env_id("SimpleDoorKey")))
    _, info = env.reset(seed=0)
    assert env.teacher.model.startswith("local/")
    assert info["teacher_weight"] > 0.9


@pytest.mark.parametrize("task", TASKS)
def test_every_info_has_a_distribution_and_a_weight(task):
    for info in infos(rollout(wrapped(task))):
        assert set(info) == {"is_success", "teacher_prior", "teacher_weight"}
        prior = info["teacher_prior"]
        assert prior.dtype == np.float32
        assert prior.shape == (7,)
        assert prior.sum() == pytest.approx(1, abs=1e-6)
        assert (prior >= 0.02 / 7 - 1e-6).all()
        assert isinstance(info["teacher_weight"], float)
        assert 0 <= info["teacher_weight"] <= 1


def test_the_env_itself_is_not_changed():
    plain, taught = rollout(gym.make(env_id("LavaDoorKey"))), rollout(wrapped("LavaDoorKey"))
    for a, b in zip(plain, taught, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:-1] == b[1:-1]
        assert a[-1] == {k: v for k, v in b[-1].items() if not k.startswith("teacher_")}


def test_priors_are_deterministic_and_fresh():
    env = wrapped()
    first, second = infos(rollout(env)), infos(rollout(env))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a["teacher_prior"], b["teacher_prior"])
        assert a["teacher_prior"] is not b["teacher_prior"]
    env.reset(seed=0)
    one, two = env.step(0)[-1], env.step(6)[-1]
    assert not np.shares_memory(one["teacher_prior"], two["teacher_prior"])


def test_the_last_observation_of_an_episode_is_not_asked_about():
    asked = []

    def script(situation):
        asked.append(situation.text)
        return ("explore",)

    env = wrapped(teacher=ScriptedTeacher(script))
    env.reset(seed=0)
    for _ in range(150):
        *_, truncated, info = env.step(0)
    assert truncated
    assert info["teacher_weight"] == 0.0
    assert len(asked) == 150  # reset and 149 steps


def test_teaching_can_be_switched_off_and_on():
    env = wrapped()
    env.reset(seed=0)
    env.set_teaching(False)
    info = env.step(0)[-1]
    assert info["teacher_weight"] == 0.0
    np.testing.assert_allclose(info["teacher_prior"], 1 / 7)
    env.set_teaching(True)
    assert env.step(0)[-1]["teacher_weight"] == 1.0


def test_the_spec_is_json_and_rebuilds_the_env():
    env = wrapped("ColoredDoorKey", smoothing=0.1)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert isinstance(again, LLMTeacherWrapper)
    assert again.adviser.smoothing == 0.1
    assert json.loads(env.spec.to_json())["additional_wrappers"][-1]["kwargs"]["teacher"] == PLANNER
    for a, b in zip(infos(rollout(env)), infos(rollout(again)), strict=True):
        np.testing.assert_array_equal(a["teacher_prior"], b["teacher_prior"])


def test_it_pickles():
    env = wrapped()
    env.reset(seed=1)
    copy = pickle.loads(pickle.dumps(env))
    for action in (0, 2, 2, 1, 2):
        np.testing.assert_array_equal(
            env.step(action)[-1]["teacher_prior"], copy.step(action)[-1]["teacher_prior"]
        )


def test_envs_of_one_process_share_a_teacher_and_its_count():
    venv = make_vec_env(env_id("SimpleDoorKey"), 3, seed=0, wrapper_class=LLMTeacherWrapper)
    teachers = {id(env.get_wrapper_attr("teacher")) for env in venv.envs}
    assert len(teachers) == 1
    venv.reset()
    for _ in range(20):
        venv.step(np.zeros(3, dtype=int))
    totals = teacher_totals(venv)
    assert totals["calls"] == 1  # one situation so far: nothing seen, nothing held
    assert totals["cache_hit_rate"] == pytest.approx(62 / 63)


def test_bare_envs_have_no_totals():
    assert teacher_totals(DummyVecEnv([lambda: gym.make("CartPole-v1")])) == {}


def test_a_users_own_env_in_a_few_lines():
    grounding = ActionGrounding(
        describe=lambda obs: f"row {obs // 4}, column {obs % 4}",
        actions=["left", "down", "right", "up"],
        task="reach row 3, column 3",
    )
    lake = gym.make("FrozenLake-v1", is_slippery=False)
    teacher = ScriptedTeacher(lambda s: ("down",) if "row 3" not in s.text else ("right",))
    env = LLMTeacherWrapper(lake, teacher=teacher, grounding=grounding)
    _, info = env.reset(seed=0)
    assert info["teacher_prior"].argmax() == 1
    check_env(env, skip_render_check=True)


def test_the_overlay_draws_the_prior_beside_the_frame():
    bare = gym.make(env_id("SimpleDoorKey"), render_mode="rgb_array")
    env = PriorOverlay(LLMTeacherWrapper(bare, teacher=PLANNER))
    env.reset(seed=0)
    first = env.render()
    height, width = first.shape[:2]
    assert width > height  # the frame is square; beside it is the panel
    assert np.array_equal(first, env.render())
    while env.get_wrapper_attr("situation").options[0] == "explore":
        previous = env.unwrapped.memory.copy()
        env.step(1)
        if not np.array_equal(previous, env.unwrapped.memory):
            break
    assert not np.array_equal(first, env.render())
