"""Curricula: spaces, the mix at resets, cycles, writers, and what nonsense comes to."""

import json

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

from gym_llmteacher import (
    Curriculum,
    CurriculumCallback,
    EasyToHard,
    Gap,
    Writer,
)
from gym_llmteacher.curriculum.callback import by_verb
from gym_llmteacher.curriculum.env import ConfiguredEnv
from gym_llmteacher.curriculum.report import Rate
from gym_llmteacher.curriculum.space import ConfigurationSpace, key_of
from gym_llmteacher.errors import CurriculumError
from tests.walk import ORIGINAL, SPACE, Walk, configuration, curriculum


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        ({"length": 10, "ice": True}, "length: 10 is greater than the maximum of 9"),
        ({"length": "__import__('os')", "ice": True}, "is not of type 'integer'"),
        ({"length": True, "ice": True}, "True is not of type 'integer'"),
        ({"length": 3}, "'ice' is a required property"),
        ({"length": 3, "ice": True, "cmd": 1}, "'cmd' was unexpected"),
        ([], "is not of type 'object'"),
    ],
)
def test_what_is_not_declared_is_refused(configuration, says):
    (error,) = ConfigurationSpace(SPACE).errors(configuration)
    assert says in error


def test_whole_numbers_become_integers():
    checked = ConfigurationSpace(SPACE).checked({"length": 3.0, "ice": True})
    assert type(checked["length"]) is int


@pytest.mark.parametrize(
    "properties",
    [{}, {"a": {"type": "string"}}, {"a": {"type": "integer"}}, {"a": {"enum": []}},
     {"a": {"type": "integer", "minimum": "x", "maximum": 3}}],
)  # fmt: skip
def test_a_space_says_what_may_be_chosen(properties):
    with pytest.raises(CurriculumError):
        ConfigurationSpace(properties)


def test_draws_are_of_the_space_and_reach_all_of_it():
    space, rng = ConfigurationSpace(SPACE), np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(300)]
    assert all(space.errors(one) == [] for one in drawn)
    assert {one["length"] for one in drawn} == set(range(1, 10))
    changed = [space.changed(ORIGINAL, rng) for _ in range(100)]
    assert all(sum(one[k] != ORIGINAL[k] for k in one) <= 1 for one in changed)


def test_the_original_keeps_its_share():
    env = ConfiguredEnv(Walk, [ORIGINAL], share=0.3)
    assert env.reset(seed=0)[1]["configuration"] == key_of(ORIGINAL)
    env.set_mix([{"length": 1, "ice": False}, {"length": 2, "ice": False}])
    drawn = [env.reset()[1]["configuration"] for _ in range(1000)]
    counts = [drawn.count(key) for key in sorted(set(drawn))]
    assert counts == pytest.approx([350, 350, 300], abs=60)
    assert env.step(1)[4]["configuration"] == drawn[-1]
    env.set_mix([])
    assert {env.reset()[1]["configuration"] for _ in range(20)} == {key_of(ORIGINAL)}


def test_long_episodes_of_a_mix_leave_the_original_its_share_of_the_steps():
    env = ConfiguredEnv(Walk, [{"length": 1, "ice": False}], share=0.5)
    env.reset(seed=0)
    env.set_mix([{"length": 9, "ice": True}])  # twelve steps for nothing
    steps = {True: 0, False: 0}
    for _ in range(400):
        _, info = env.reset()
        over = False
        while not over:
            _, _, terminated, truncated, _ = env.step(1)
            over = terminated or truncated
            steps[info["configuration"] == key_of({"length": 1, "ice": False})] += 1
    assert steps[True] / sum(steps.values()) == pytest.approx(0.5, abs=0.05)


def test_resets_are_reproducible_and_differ():
    env = ConfiguredEnv(Walk, [ORIGINAL], share=0.5)
    env.set_mix([{"length": 1, "ice": False}])
    traces = []
    for _ in range(2):
        trace = [env.reset(seed=5)[1]]
        trace += [env.reset()[1] for _ in range(20)]
        traces.append([(info["configuration"], info["drawn"]) for info in trace])
    assert traces[0] == traces[1]
    assert len(set(traces[0])) > 15


def test_nonsense_of_a_writer_is_left_out():
    class Nonsense(Writer):
        def propose(self, report, space, n, rng):
            return [{"length": 99, "ice": False}, "x", None, {"length": 7, "ice": False},
                    {"length": 2.0, "ice": True}]  # fmt: skip

    one = curriculum(Nonsense())
    assert one.next({"walk": Rate.of(1, 2)}) == [{"length": 2, "ice": True}]
    assert one.history[-1]["refused"] == 4


def test_intervals():
    rate = Rate.of(5, 10)
    assert (rate.low, rate.high) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert Rate.of(0, 0)[1:] == (0.0, 1.0, 0)


def train(one, steps=800, vec_env_cls=None, **kwargs):
    env = make_vec_env(one.make, 2, seed=0, vec_env_cls=vec_env_cls)
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=64, n_epochs=2, seed=0, device="cpu")
    try:
        model.learn(steps, callback=CurriculumCallback(one, every=256, episodes=10, **kwargs))
    finally:
        env.close()
    return model


@pytest.mark.parametrize("vec_env_cls", [None, SubprocVecEnv])
def test_a_training_goes_through_its_cycles(vec_env_cls):
    one = curriculum(EasyToHard([configuration(n) for n in (1, 2, 3, 9)]))
    train(one, vec_env_cls=vec_env_cls)
    assert one.cycle == len(one.history) == 4
    first, *others = [len(line["mix"]) for line in one.history]
    assert (first, others[0]) == (0, 2)
    assert set(others) <= {0, 1, 2}  # 1: the last, when all others are solved; 0: a control cycle
    assert list(one.history[0]["skills"]) == [key_of(ORIGINAL)]
    assert one._known[key_of(configuration(1))].episodes >= 1  # from the training's own episodes


def test_skills_are_named_by_the_mission():
    one = curriculum()
    train(one, steps=128, skill=by_verb)
    assert list(one.history[0]["skills"]) == ["walk there"]


def test_several_originals_are_several_levels():
    levels = [configuration(n) for n in (1, 2, 3)]
    one = curriculum(Gap(lambda one: 1.0, levels), original=levels, n=1)
    train(one, steps=300)
    assert sorted(one.history[0]["skills"]) == sorted(map(key_of, levels))


def test_a_curriculum_is_resumed(tmp_path):
    one = curriculum()
    one.next({"walk": Rate.of(5, 10)}, {key_of(configuration(3)): Rate.of(1, 2)})
    one.save(tmp_path / "curriculum.json")
    other = curriculum()
    other.load(tmp_path / "curriculum.json")
    assert other.mix == one.mix
    for _ in range(3):
        assert other.next({"walk": Rate.of(5, 10)}) == one.next({"walk": Rate.of(5, 10)})
    assert json.dumps(other.history) == json.dumps(one.history)


def test_a_resumed_training_takes_the_mix_it_had(tmp_path):
    one = curriculum(EasyToHard([configuration(1)]))
    train(one, steps=128)
    one.save(tmp_path / "curriculum.json")
    other = curriculum(EasyToHard([configuration(1)]))
    other.load(tmp_path / "curriculum.json")
    train(other, steps=128)
    assert other.cycle == one.cycle


@pytest.mark.parametrize("text", ["", "{}", '{"cycle": 1, "mix": [{"length": 99}]}'])
def test_files_of_something_else_are_refused(tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(CurriculumError, match="holds no curriculum of this space"):
        curriculum().load(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"original": {"length": 99, "ice": False}}, "not of the declared space"),
        ({"original": []}, "original is empty"),
        ({"share": 0.0}, r"expected a share in \(0, 1\]"),
        ({"n": 0}, "expected a share"),
        ({"writer": "gpt"}, "expected a Writer"),
    ],
)
def test_bad_arguments_are_errors_at_construction(arguments, says):
    with pytest.raises(CurriculumError, match=says):
        curriculum(**arguments)


def test_envs_of_another_make_are_refused():
    one = curriculum()
    env = make_vec_env(lambda: Walk(**ORIGINAL), 1)
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=64, device="cpu")
    with pytest.raises(CurriculumError, match=r"make_vec_env\(curriculum.make\)"):
        model.learn(64, callback=CurriculumCallback(one))


def test_one_student_has_one_action_space():
    def make(n):
        env = gym.make("CartPole-v1")
        env.action_space = gym.spaces.Discrete(n)
        return env

    one = Curriculum(make, {"n": {"enum": [2, 3]}}, EasyToHard([{"n": 3}]), {"n": 2})
    assert one.next({"x": Rate.of(1, 2)}) == []  # refused
    env = ConfiguredEnv(make, [{"n": 2}], share=0.5)
    env.set_mix([{"n": 3}])
    with pytest.raises(CurriculumError, match="one student is to act in all"):
        [env.reset(seed=seed) for seed in range(9)]
