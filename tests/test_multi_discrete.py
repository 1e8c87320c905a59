"""MultiDiscrete actions are taught one dimension at a time: a question, prior and loss for each."""

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    GroundingWrapper,
    LLMTeacherWrapper,
    MultiDiscreteGrounding,
    NewText,
    PriorOverlay,
    ScriptedTeacher,
    TeacherEvalCallback,
    TeacherPPO,
    VecTeacher,
)
from gym_llmteacher.errors import GroundingError, PriorError
from gym_llmteacher.learning.priors import read_priors
from tests.drive import NAMES, STUDENTS, Drive, in_words, make, pedal_only, right, script, taught
from tests.logged import logged
from tests.students import WatchedGate, handed_out, log_of, parameters


def test_one_question_per_dimension():
    asked = []
    env = taught(lambda situation: asked.append(situation) or pedal_only(situation), smoothing=0.1)
    check_env(env, skip_render_check=True)
    asked.clear()
    obs, info = env.reset(seed=0)
    pedal, horn = right(obs)
    assert [(s.text, s.options, s.task) for s in asked] == [
        (f"Pedal {pedal}, horn {horn}. To be decided: {name}.", tuple(values), "drive home")
        for name, values in NAMES.items()
    ]
    expected = np.full(5, 0.1 / 3)
    expected[pedal] += 0.9
    expected[3:] = 0.5
    np.testing.assert_allclose(info["teacher_prior"], expected, atol=1e-6)
    assert info["teacher_weight"].tolist() == [1.0, 0.0]
    env.set_teaching(False)
    _, info = env.reset()
    assert len(asked) == 2
    assert info["teacher_weight"].tolist() == [0.0, 0.0]


def test_a_condition_decides_for_each_dimension():
    asked = []
    env = taught(lambda s: asked.append(s.text) or script(s), ask=NewText())
    env.reset(seed=0)
    for _ in range(200):
        if env.step(np.array([0, 0]))[3]:
            env.reset()
    assert len(asked) == len(set(asked)) == 12  # six situations, two dimensions


@pytest.mark.parametrize("name", STUDENTS)
def test_coefficient_zero_is_the_parent(name):
    _, parent, *_ = STUDENTS[name]
    plain = make(name, parent).learn(240)
    assert th.equal(parameters(plain), parameters(make(name, teacher_coef=0).learn(240)))
    assert not th.equal(parameters(plain), parameters(make(name, teacher_coef=1.0).learn(240)))


@pytest.mark.parametrize("name", STUDENTS)
def test_every_minibatch_has_the_priors_of_its_own_observations(name):
    seen = []

    def look(rows):
        samples = handed_out(model).samples
        dim = 0 if rows.prior.shape[1] == 3 else 1
        taught = rows.weight.numpy() > 0
        wanted = right(samples.observations.numpy())[taught, dim]
        np.testing.assert_array_equal(rows.prior.numpy().argmax(axis=1)[taught], wanted)
        np.testing.assert_array_equal(rows.actions, samples.actions[:, dim])
        assert rows.log_probs.shape == rows.prior.shape
        assert taught.any() == (dim == 0)
        seen.append((dim, int(taught.sum())))

    model = make(name, env=lambda: taught(pedal_only), teacher_coef=1.0,
                 teacher_gates=WatchedGate(look))  # fmt: skip
    model.learn(192).learn(192, reset_num_timesteps=False)
    assert sum(n for dim, n in seen if dim == 0) >= 384
    assert [dim for dim, _ in seen[:4]] == [0, 1, 0, 1]


def test_the_loss_is_the_sum_over_dimensions():
    """Worked out from what a gate sees, for an update of one minibatch."""
    seen = []
    model = make("PPO", n_epochs=1, batch_size=96, teacher_coef=1.0,
                 teacher_gates=WatchedGate(seen.append))  # fmt: skip
    (values,) = log_of(model, 96)
    assert [rows.prior.shape for rows in seen] == [(96, 3), (96, 2)]
    losses = [-(rows.prior * rows.log_probs).sum(dim=1).mean().item() for rows in seen]
    assert values["teacher/loss"] == pytest.approx(sum(losses), rel=1e-5)
    assert values["teacher/coverage"] == 1.0


@pytest.mark.parametrize("name", ["PPO", "A2C", "MaskablePPO"])
def test_without_any_reward_each_dimension_is_learned_from_its_own_advice(name):
    obs = np.random.default_rng(0).uniform(-1, 1, (400, 2)).astype(np.float32)

    def agreement(teacher, coef):
        settings = {"n_epochs": 4, "batch_size": 32} if name != "A2C" else {}
        model = make(name, env=lambda: taught(teacher), n_envs=4, teacher_coef=coef,
                     learning_rate=1e-2, **settings).learn(2560)  # fmt: skip
        actions, _ = model.predict(obs, deterministic=True)
        return (actions == right(obs)).mean(axis=0)

    both, first, none = agreement(script, 1.0), agreement(pedal_only, 1.0), agreement(script, 0.0)
    assert both.min() > 0.85
    assert first[0] > 0.85
    assert first[1] < 0.85  # nothing is taught about the horn: 0.5 on average, 0.77 on some seeds
    assert none.max() < 0.85


def test_gates_look_at_each_dimension():
    model = make("PPO", teacher_coef=1.0, teacher_gates=["confidence", "advantage", "proximal"])
    model.learn(192)
    assert model.logger.name_to_value["teacher/loss"] > 0


def test_evaluation_and_overlay():
    callback = TeacherEvalCallback(
        make_vec_env(taught, 1), eval_freq=32, verbose=0, teacher_env=make_vec_env(taught, 2)
    )
    values = logged(make("PPO", teacher_coef=1.0, n_envs=1, batch_size=32), 32, callback)
    assert 0.1 < values["teacher/eval_agreement"] < 0.9
    env = PriorOverlay(taught())
    env.reset(seed=0)
    assert env.render().shape[0] == 360


@pytest.mark.parametrize("workers", [0, 4])
def test_one_teacher_for_all_envs_teaches_every_dimension(workers):
    """As the wrapper does, also where the answers come late."""
    envs = make_vec_env(
        lambda: GroundingWrapper(Drive(), MultiDiscreteGrounding(in_words, NAMES)), 3, seed=0
    )
    venv = VecTeacher(envs, ScriptedTeacher(script), workers=workers, late_timeout=20.0)
    model = TeacherPPO("MlpPolicy", venv, n_steps=16, batch_size=24, n_epochs=1, teacher_coef=1.0,
                       seed=0, device="cpu").learn(48)  # fmt: skip
    assert (model.rollout_buffer.teacher_weights == 1).all()
    observations = model.rollout_buffer.observations.reshape(48, -1)
    for obs, prior in zip(observations, model.rollout_buffer.teacher_priors, strict=True):
        pedal, horn = right(obs)
        assert (prior[:3].argmax(), prior[3:].argmax()) == (pedal, horn)
    venv.close()


def test_mistakes_raise():
    def wrap(names, env=None):
        return LLMTeacherWrapper(env or Drive(), ScriptedTeacher(script),
                                 grounding=MultiDiscreteGrounding(in_words, names))  # fmt: skip

    with pytest.raises(GroundingError, match=r"dims has 3, 3 names \(pedal, horn\)"):
        wrap({**NAMES, "horn": ["a", "b", "c"]})
    with pytest.raises(GroundingError, match="dims has 3, 2 names"):
        wrap(NAMES, gym.make("CartPole-v1"))
    with pytest.raises(GroundingError, match="expected a dict of a name per dimension"):
        wrap(["pedal", "horn"])
    with pytest.raises(GroundingError, match=r"actions is .*expected a list of distinct"):
        wrap({**NAMES, "horn": ["honk", "honk"]})
    row = np.array([1, 0, 0, 0.5, 0.5], dtype=np.float32)
    with pytest.raises(PriorError, match=r"shape \(3,\), expected one number.*or 2: one per"):
        read_priors([{"teacher_prior": row, "teacher_weight": np.ones(3)}], (3, 2))
    with pytest.raises(PriorError, match="in each dimension"):
        read_priors([{"teacher_prior": row * 2, "teacher_weight": [1.0, 0.0]}], (3, 2))
    anything = row + np.array([0, 0, 0, np.nan, 9], dtype=np.float32)
    rows = read_priors([{"teacher_prior": anything, "teacher_weight": [1.0, 0.0]}], (3, 2))
    np.testing.assert_array_equal(rows.prior[0], row)
