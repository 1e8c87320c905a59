"""Advice taught again: the right rows, as often as λ says, and a student that learns sooner."""

import numpy as np
import pytest
import torch as th
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import Linear, TeacherPPO, TeacherRecurrentPPO, mirror_map
from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.losses import teaching_loss
from gym_llmteacher.learning.memory import AdviceMemory
from tests import drive, lessons, students
from tests.students import Masked, WatchedLoss, log_of, parameters
from tests.tagging import AsDict, Counter, prior_of

STUDENTS = ("PPO", "A2C", "MaskablePPO")


def make(name="PPO", cls=None, **kwargs):
    return students.make(name, cls, **{"env": Masked, **kwargs})


def watched(name="PPO", policy="MlpPolicy", before=None, **kwargs):
    """A student, and ``(observations, priors)`` of each step in which advice is taught again.

    :param before: called with the policy and the observations before such a step
    """
    observations, priors = [], []

    class Watched(students.ALL[name][0].policy_aliases[policy]):
        def get_distribution(self, obs, *args, **kwargs):  # not used in rollouts
            observations.append(obs)
            if before:
                before(self, obs, super().get_distribution(obs, *args, **kwargs))
            return super().get_distribution(obs, *args, **kwargs)

    loss = WatchedLoss(on_value=lambda log_probs, prior: priors.append(prior))
    kwargs = {"teacher_coef": 1.0, "teacher_divergence": loss, **kwargs}
    return make(name, policy=Watched, **kwargs), lambda: list(
        zip(observations, priors, strict=True)
    )


@pytest.mark.parametrize("name", STUDENTS)
@pytest.mark.parametrize("as_dict", [False, True])
def test_what_is_taught_again_belongs_to_its_observation(name, as_dict):
    model, seen = watched(
        name,
        "MultiInputPolicy" if as_dict else "MlpPolicy",
        env=lambda: AsDict(Masked()) if as_dict else Masked(),
        teacher_replay_steps=5,
    )
    model.learn(32 * 3 * 4)
    assert len(seen()) == 4 * 5
    rounds = [np.zeros(0)] * 4
    for i, (observations, priors) in enumerate(seen()):
        pairs = (observations["pair"] if as_dict else observations).numpy()
        for obs, prior in zip(pairs, priors.numpy(), strict=True):
            expected, weight = prior_of(obs)
            np.testing.assert_allclose(prior, expected, atol=1e-6)
            assert weight > 0
        rounds[i // 5] = np.append(rounds[i // 5], pairs[:, 0])
    # After the last rollout, advice of the first is still taught: episodes are counted from 0.
    assert rounds[3].min() < rounds[0].max()
    assert rounds[3].max() > rounds[0].max()


def test_dimensions_are_taught_again_one_by_one():
    twice, once = (
        log_of(drive.make("PPO", teacher_coef=1.0, teacher_replay_steps=steps), 512)[-1]
        for steps in (20, 0)
    )
    assert twice["teacher/replay_loss"] > 0
    assert twice["teacher/kl"] < 0.9 * once["teacher/kl"]


@pytest.mark.parametrize("name", STUDENTS)
def test_without_a_coefficient_nothing_is_taught_again(name):
    plain = make(name, cls=students.ALL[name][1]).learn(288)
    ours = make(name, teacher_coef=0, teacher_replay_steps=50).learn(288)
    assert th.equal(parameters(plain), parameters(ours))
    other = make(name, teacher_coef=0.01, teacher_replay_steps=50).learn(288)
    assert not th.equal(parameters(plain), parameters(other))


def test_steps_fall_with_the_coefficient_and_end_with_it():
    coef = Linear(2.0, 0.0, steps=96 * 4)
    rows = log_of(make(teacher_coef=coef, teacher_replay_steps=40), 96 * 6)
    # λ is 1.5 at the first update, at the end of the first rollout.
    expected = [40, round(40 * 1.0 / 1.5), round(40 * 0.5 / 1.5), None, None, None]
    assert [row.get("teacher/replay_steps") for row in rows] == expected
    assert [row["teacher/coef"] for row in rows] == [1.5, 1.0, 0.5, 0.0, 0.0, 0.0]
    assert ["teacher/loss" in row for row in rows] == [True] * 3 + [False] * 3


def test_nothing_is_kept_that_is_no_longer_needed():
    def remembers(model):
        return any(isinstance(value, AdviceMemory) for value in vars(model).values())

    model = make(teacher_coef=Linear(1.0, 0.0, steps=150), teacher_replay_steps=1)
    assert remembers(model.learn(96))
    assert not remembers(model.learn(96, reset_num_timesteps=False))


def test_few_observations_are_not_taught_over_and_over():
    class Silent(Counter):
        def _info(self, obs):
            prior, weight = prior_of(obs)
            spoken = tuple(obs) == (3, 1)
            return {"teacher_prior": prior, "teacher_weight": weight * spoken}

    model, seen = watched(env=Silent, teacher_replay_steps=40)
    (row,) = log_of(model, 96)
    assert row["teacher/replay_steps"] == len(seen()) <= 3  # once in each env
    assert {tuple(obs) for batch, _ in seen() for obs in batch.tolist()} == {(3.0, 1.0)}


def test_a_new_training_begins_with_an_empty_memory():
    def episodes(batches):
        return {obs[0] for batch, _ in batches for obs in batch.tolist()}

    model, seen = watched(teacher_replay_steps=10)
    first = episodes(model.learn(96) and seen())
    on = episodes(model.learn(96, reset_num_timesteps=False) and seen()[10:])
    again = episodes(model.learn(96) and seen()[20:])
    assert min(on) <= max(first) < max(on)
    assert min(again) > max(first)  # the envs go on counting


@given(
    size=st.integers(1, 12),
    parts=st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(lambda parts: sum(parts) > 0),
)
def test_the_memory_has_the_last_rows_side_by_side(size, parts):
    memory, total = AdviceMemory(size), 0
    for n in parts:
        numbers = np.arange(total, total + n)
        memory.add({"obs": np.stack([numbers, -numbers], axis=1), "prior": numbers * 10})
        total += n
    assert len(memory) == min(size, total)
    rows = memory.sample(400)
    assert (rows["prior"] == rows["obs"][:, 0] * 10).all()
    assert (rows["obs"][:, 1] == -rows["obs"][:, 0]).all()
    assert set(rows["obs"][:, 0].tolist()) <= set(range(max(0, total - size), total))


def test_half_of_it_is_augmented():
    def negative(observations, priors):
        return -observations, priors[:, ::-1]

    model, seen = watched(teacher_replay_steps=4, teacher_augment=negative)
    model.learn(96)
    assert len(seen()) == 4
    for observations, priors in seen():
        observations, priors = observations.numpy(), priors.numpy()
        assert (observations[:24] <= 0).all()
        assert (observations[24:] >= 0).all()
        for obs, prior in zip(-observations[:24], priors[:24, ::-1], strict=True):
            np.testing.assert_allclose(prior, prior_of(obs)[0], atol=1e-6)
        for obs, prior in zip(observations[24:], priors[24:], strict=True):
            np.testing.assert_allclose(prior, prior_of(obs)[0], atol=1e-6)


def test_an_augmentation_that_returns_something_else_raises_before_the_first_step():
    model = make(
        teacher_coef=1.0, teacher_replay_steps=1, teacher_augment=lambda obs, priors: (obs[:2], obs)
    )
    with pytest.raises(StudentError, match=r"\(3, 2\).*\(3, 3\).*returned.*\(2, 2\)"):
        model.learn(96)
    assert model.num_timesteps == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"teacher_replay_steps": -1}, "teacher_replay_steps is -1, expected a whole number >= 0"),
        ({"teacher_replay_steps": 2.5}, "2.5, expected a whole number"),
        ({"teacher_replay_steps": True}, "True, expected a whole number"),
        ({"teacher_replay_size": 0}, "teacher_replay_size is 0, expected a whole number >= 1"),
        ({"teacher_augment": mirror_map}, "Pass teacher_replay_steps=100"),
        ({"teacher_replay_steps": 9, "teacher_augment": "mirror"}, "'mirror', expected a function"),
        ({"teacher_replay_steps": 9, "teacher_gates": "advantage"}, "Choose one of the two"),
    ],
)
def test_what_cannot_be_raises_at_construction(arguments, message):
    with pytest.raises(StudentError, match=message):
        make(**arguments)


def test_a_recurrent_student_is_not_taught_again():
    """What its memory was then is not kept."""
    with pytest.raises(TypeError, match="teacher_replay_steps"):
        TeacherRecurrentPPO("MlpLstmPolicy", Counter(), teacher_replay_steps=10)


class Later(Counter):
    """Episodes are counted from 100."""

    def __init__(self):
        super().__init__()
        self.episode = 99


def test_saved_students_keep_the_settings_and_leave_the_memory(tmp_path):
    model = make(teacher_coef=Linear(1.0, 0.0, steps=960), teacher_replay_steps=10,
                 teacher_augment=lambda *rows: rows)  # fmt: skip
    model.learn(96).save(tmp_path / "student")
    obs, priors = np.zeros((2, 2)), np.zeros((2, 3))
    loaded = TeacherPPO.load(tmp_path / "student")
    assert loaded.teacher_replay_steps == 10
    assert loaded.teacher_augment(obs, priors) == (obs, priors)

    def look(obs, priors):
        taught_again.append(obs)
        return obs, priors

    taught_again = []
    env = make_vec_env(Later, 3)
    loaded = TeacherPPO.load(tmp_path / "student", env=env, teacher_augment=look)
    (row,) = log_of(loaded, 96, reset_num_timesteps=False)
    assert row["teacher/replay_steps"] == round(10 * 0.8 / 0.9)
    assert np.concatenate(taught_again)[:, 0].min() >= 100


@pytest.mark.slow
def test_taught_again_a_student_agrees_sooner():
    """Without any reward, after so few frames that advice taught once is not enough."""
    found = {}
    for name, extra in {
        "once": {},
        "again": {"teacher_replay_steps": 100},
        "mirrored": {"teacher_replay_steps": 100, "teacher_augment": mirror_map},
    }.items():
        kl = []
        for seed in range(3):
            model = lessons.taught(1.0, lessons.NoReward, seed, **extra).learn(2_000)
            # Of the last rollout: how far the student is from its teacher where it goes by itself.
            kl.append(model.logger.name_to_value["teacher/kl"])
        found[name] = np.median(kl)
    # Of eight seeds: 0.58 to 0.68, 0.36 to 0.58, 0.29 to 0.64 nats; medians 0.65, 0.51, 0.33.
    assert found["again"] < found["once"]
    assert found["mirrored"] < 0.85 * found["once"]


@pytest.mark.parametrize("max_grad_norm", [1e9, 0.01])
def test_the_loss_is_the_teaching_loss(max_grad_norm):
    """One step of plain gradient descent on it, clipped as PPO's are, worked out beside it."""
    expected = {}

    def before(policy, obs, distribution):
        rows = [prior_of(row) for row in obs.numpy()]
        priors = th.tensor(np.stack([prior for prior, _ in rows]))
        weights = th.tensor([weight for _, weight in rows])
        loss = teaching_loss(distribution.distribution.logits, priors, weights)
        names, values = zip(*policy.named_parameters(), strict=True)
        slopes = th.autograd.grad(loss, values, allow_unused=True)
        norm = th.cat([slope.flatten() for slope in slopes if slope is not None]).norm()
        assert norm > 0.01
        rate = 0.01 * min(1.0, max_grad_norm / norm)
        for name, value, slope in zip(names, values, slopes, strict=True):
            expected[name] = value.detach() - rate * (0 if slope is None else slope)

    model, _ = watched(
        before=before, teacher_replay_steps=1, learning_rate=0.01, max_grad_norm=max_grad_norm,
        policy_kwargs={"net_arch": [16], "optimizer_class": th.optim.SGD},
    )  # fmt: skip
    model.learn(96)
    assert len(expected) == len(list(model.policy.parameters()))
    for name, value in model.policy.named_parameters():
        assert th.allclose(value, expected[name], atol=1e-7), name
