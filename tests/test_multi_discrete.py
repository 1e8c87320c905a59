"""MultiDiscrete actions are taught factor by factor: one question, prior and loss for each."""

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from sb3_contrib import MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env

import gym_llmteacher.sb3.on_policy as on_policy
from gym_llmteacher import (
    Advice,
    GroundingWrapper,
    LLMTeacherWrapper,
    MultiDiscreteGrounding,
    NewText,
    PriorOverlay,
    ScriptedTeacher,
    TeacherA2C,
    TeacherEvalCallback,
    TeacherMaskablePPO,
    TeacherPPO,
    TeacherRecurrentPPO,
)
from gym_llmteacher.errors import GroundingError, PriorError
from gym_llmteacher.learning.losses import figures, taught_rows
from gym_llmteacher.learning.priors import read_priors
from tests.logged import logged

NAMES = {"pedal": ["brake", "coast", "accelerate"], "horn": ["silent", "honk"]}
SMALL = {"n_steps": 32, "seed": 3, "device": "cpu"}
STUDENTS = {
    "PPO": (TeacherPPO, PPO, "MlpPolicy", {"batch_size": 48, "n_epochs": 2}),
    "A2C": (TeacherA2C, A2C, "MlpPolicy", {}),
    "MaskablePPO": (TeacherMaskablePPO, MaskablePPO, "MlpPolicy", {"batch_size": 48}),
    "RecurrentPPO": (TeacherRecurrentPPO, RecurrentPPO, "MlpLstmPolicy",
                     {"batch_size": 48, "policy_kwargs": {"lstm_hidden_size": 8}}),
}  # fmt: skip


class Drive(gym.Env):
    """Two numbers say which pedal and whether to honk; there is no reward at all."""

    metadata = {"render_modes": ["rgb_array"]}
    render_mode = "rgb_array"
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.MultiDiscrete([3, 2])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(3, 12))
        return self.look(), {}

    def look(self):
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def step(self, action):
        self.left -= 1
        return self.look(), 0.0, False, self.left == 0, {}

    def action_masks(self):
        return np.ones(5, dtype=bool)

    def render(self):
        return np.zeros((20, 20, 3), dtype=np.uint8)


def right(obs):
    """Which pedal, and whether to honk; ``(..., 2)``."""
    return np.stack([np.digitize(obs[..., 0], [-0.3, 0.3]), obs[..., 1] > 0], axis=-1).astype(int)


def in_words(obs):
    pedal, horn = right(obs)
    return f"Pedal {pedal}, horn {horn}."


def script(situation):
    pedal, horn = (int(word.strip(",.")) for word in situation.text.split() if word[0].isdigit())
    if "decided: pedal" in situation.text:
        return (NAMES["pedal"][pedal],)
    return (NAMES["horn"][horn],)


def pedal_only(situation):
    return script(situation) if "pedal." in situation.text else Advice.abstain("knows no horns")


def taught(teacher=script, **kwargs):
    grounding = MultiDiscreteGrounding(in_words, NAMES, task="drive home")
    return LLMTeacherWrapper(Drive(), ScriptedTeacher(teacher), grounding=grounding, **kwargs)


def make(name, cls=None, env=taught, n_envs=3, **kwargs):
    ours, _, policy, settings = STUDENTS[name]
    return (cls or ours)(
        policy, make_vec_env(env, n_envs, seed=1), **{**SMALL, **settings, **kwargs}
    )


def weights(model):
    return th.cat([p.detach().flatten() for p in model.policy.parameters()])


def test_one_question_per_factor():
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


def test_a_condition_decides_for_each_factor():
    asked = []
    env = taught(lambda s: asked.append(s.text) or script(s), ask=NewText())
    env.reset(seed=0)
    for _ in range(200):
        if env.step(np.array([0, 0]))[3]:
            env.reset()
    assert len(asked) == len(set(asked)) == 12  # six situations, two factors


@pytest.mark.parametrize("name", STUDENTS)
def test_coefficient_zero_is_the_parent(name):
    _, parent, *_ = STUDENTS[name]
    plain = make(name, parent).learn(240)
    assert th.equal(weights(plain), weights(make(name, teacher_coef=0).learn(240)))
    assert not th.equal(weights(plain), weights(make(name, teacher_coef=1.0).learn(240)))


@pytest.mark.parametrize("name", STUDENTS)
def test_every_minibatch_has_the_priors_of_its_own_observations(name, monkeypatch):
    seen = []

    def spy(log_probs, prior, weight):
        obs = model._prior_buffer.batch.samples.observations.numpy()
        factor = 0 if prior.shape[1] == 3 else 1
        taught = weight.numpy() > 0
        np.testing.assert_array_equal(
            prior.numpy().argmax(axis=1)[taught], right(obs)[taught, factor]
        )
        seen.append((factor, int(taught.sum())))
        assert log_probs.shape == prior.shape
        assert taught.any() == (factor == 0)
        return taught_rows(log_probs, prior, weight)

    monkeypatch.setattr(on_policy, "taught_rows", spy)
    model = make(name, env=lambda: taught(pedal_only), teacher_coef=1.0)
    model.learn(192).learn(192, reset_num_timesteps=False)
    assert sum(n for factor, n in seen if factor == 0) >= 384
    assert [factor for factor, _ in seen[:4]] == [0, 1, 0, 1]


def test_the_loss_is_the_sum_over_factors():
    model = make("PPO", teacher_coef=1.0).learn(96)
    batch = next(model.rollout_buffer.get(20))
    _, log_prob, _ = model.policy.evaluate_actions(batch.observations, batch.actions)
    parts = [one.logits for one in model.policy.action_dist.distribution]
    rows = model._taught_rows(parts, log_prob)
    result = figures([rows], "cross_entropy")
    kept = model.rollout_buffer.batch
    expected = sum(
        -(kept.prior[:, a:b] * log_probs).sum(dim=1).mean()
        for (a, b), log_probs in zip([(0, 3), (3, 5)], parts, strict=True)
    )
    assert result["loss"] == pytest.approx(expected.item(), rel=1e-5)
    assert [factor.taught.item() for factor in rows] == [20, 20]


@pytest.mark.parametrize("name", ["PPO", "A2C", "MaskablePPO"])
def test_without_any_reward_each_factor_is_learned_from_its_own_advice(name):
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
    assert first[1] < 0.75  # nothing is taught about the horn: chance is 0.5
    assert none.max() < 0.75


def test_gates_look_at_each_factor():
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


def test_mistakes_are_told_of():
    def wrap(names, env=None):
        return LLMTeacherWrapper(env or Drive(), ScriptedTeacher(script),
                                 grounding=MultiDiscreteGrounding(in_words, names))  # fmt: skip

    with pytest.raises(GroundingError, match=r"factors has 3, 3 names \(pedal, horn\)"):
        wrap({**NAMES, "horn": ["a", "b", "c"]})
    with pytest.raises(GroundingError, match="factors has 3, 2 names"):
        wrap(NAMES, gym.make("CartPole-v1"))
    with pytest.raises(GroundingError, match="expected a dict of a name per factor"):
        wrap(["pedal", "horn"])
    with pytest.raises(GroundingError, match=r"actions is .*expected a list of distinct"):
        wrap({**NAMES, "horn": ["honk", "honk"]})
    with pytest.raises(GroundingError, match="which LLMTeacherWrapper teaches factor by factor"):
        GroundingWrapper(Drive(), MultiDiscreteGrounding(in_words, NAMES))
    row = np.array([1, 0, 0, 0.5, 0.5], dtype=np.float32)
    with pytest.raises(PriorError, match=r"shape \(3,\), expected one number.*or 2: one per"):
        read_priors([{"teacher_prior": row, "teacher_weight": np.ones(3)}], (3, 2))
    with pytest.raises(PriorError, match="for each factor"):
        read_priors([{"teacher_prior": row * 2, "teacher_weight": [1.0, 0.0]}], (3, 2))
    anything = row + np.array([0, 0, 0, np.nan, 9], dtype=np.float32)
    rows = read_priors([{"teacher_prior": anything, "teacher_weight": [1, 0]}], (3, 2))
    np.testing.assert_array_equal(rows.prior[0], row)
