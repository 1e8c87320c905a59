"""A competent student is left alone: the teacher's record is compared with the student's value."""

import math
import warnings

import numpy as np
import pytest
import torch as th
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

from gym_llmteacher import (
    Advice,
    AdviceError,
    Experience,
    PractisedTeacher,
    RecordedTeacher,
    TeacherPPO,
    VecTeacher,
    play,
)
from gym_llmteacher.experience.tally import Place
from gym_llmteacher.playing.record import Episode, Step
from gym_llmteacher.sb3.telemetry import teacher_sums
from gym_llmteacher.testing import check_decorator
from gym_llmteacher.wrappers.grounding import GroundingWrapper
from tests.echo import RIGHT, WRONG, Echo, grounding, taught
from tests.gated import gated
from tests.students import WatchedGate, handed_out, parameters


class Watching(WatchedGate):
    needs_record = True


def recorded(value=None, teacher=RIGHT):
    """A teacher with a record of ten episodes; or with this value everywhere."""
    known = Experience().add(play(taught(teacher), "teacher", 10, seed=0, texts=True))
    for place in known.places.values():
        place.value = place.value if value is None else value
    return RecordedTeacher(teacher, known)


def student(teacher, cls=TeacherPPO, wrap=lambda env: env, **kwargs):
    env = wrap(make_vec_env(lambda: taught(teacher), 2))
    kwargs = {"teacher_coef": 1.0, "teacher_eval_episodes": 0, **kwargs}
    return cls("MlpPolicy", env, n_steps=32, batch_size=32, n_epochs=2, seed=0, device="cpu",
               **kwargs)  # fmt: skip


def better(theirs, own):
    values = {"teacher_value": th.tensor(theirs), "value": th.tensor(own)}
    return gated("teacher_better", **values).tolist()


def test_the_share_by_which_the_teacher_is_better():
    """Weights of 1, 0.5 and 1; the larger of the two values counts as the whole."""
    assert better([0.8, 0.8, 0.8], [0.0, 0.6, 0.9]) == pytest.approx([1.0, 0.125, 0.0])
    assert better([-5.0, -5.0, 0.0], [-10.0, -4.0, -10.0]) == pytest.approx([0.5, 0.0, 1.0])
    assert better([math.nan, 0.5, 0.0], [0.1, math.nan, 0.0]) == [0.0, 0.0, 0.0]
    assert gated("teacher_better").tolist() == [0.0, 0.0, 0.0]  # nothing is known


def test_a_record_is_the_discounted_return_from_the_first_visit_on():
    def step(place):
        return Step((place,), (place,), (None,), 0, ("on",), (place,))

    def episode(*rewards):
        steps = (step("a"), step("b"), step("a"))
        return Episode(sum(rewards), 3, True, "terminated", steps=steps, rewards=rewards)

    known = Experience(discount=0.5)
    known.add_episode(episode(1.0, 0.0, 4.0))
    assert [known.places[key].value for key in "ab"] == [2.0, 2.0]
    known.add_episode(episode(0.0, 0.0, 0.0))
    assert known.places["a"].value == 1.0
    again = Experience.from_dict(known.as_dict())
    assert (again.places["a"].value, again.discount) == (1.0, 0.5)
    other = Experience(discount=0.5)
    other.add_episode(episode(4.0, 0.0, 0.0))
    assert other.merge(known).places["a"].value == pytest.approx((4 + 2 * 1.0) / 3)
    for _ in range(40):  # recent episodes count more
        known.add_episode(episode(8.0, 0.0, 0.0))
    assert known.places["a"].value == pytest.approx(8.0, abs=0.01)


def test_its_value_goes_one_way_from_advice_to_gate():
    teacher = recorded()
    known = teacher.experience.places
    seen = []

    def look(rows):
        samples = handed_out(model).samples
        assert th.equal(rows.value, samples.old_values)
        seen.extend(zip(samples.observations[:, 0].tolist(), rows.teacher_value.tolist(),
                        strict=True))  # fmt: skip
        return th.ones_like(rows.weight)

    model = student(teacher, teacher_gates=Watching(look))
    model.learn(64)
    assert len(seen) == 128
    values = {place.text: place.value for place in known.values()}
    for echo, value in seen:
        assert value == pytest.approx(values[f"echo {echo:.0f}"], rel=1e-6)
    assert 1.0 < min(values.values()) <= max(values.values()) < 5.0


def test_values_are_compared_in_the_envs_own_rewards():
    def look(rows):
        own = handed_out(model).samples.old_values
        normalize = model.get_vec_normalize_env()
        unit = math.sqrt(normalize.ret_rms.var + normalize.epsilon)
        assert abs(unit - 1.0) > 0.05
        th.testing.assert_close(rows.value, own * unit)
        looked.append(unit)

    looked = []
    model = student(recorded(), wrap=VecNormalize, teacher_gates=Watching(look))
    model.learn(64)
    assert looked
    env = VecNormalize(make_vec_env(taught, 2))
    record = play(env, "teacher", 6, texts=True)
    assert {reward for e in record.episodes for reward in e.rewards} == {1.0}
    assert all(sum(e.rewards) == pytest.approx(e.reward) for e in record.episodes)


def test_a_student_that_is_better_learns_as_if_there_were_no_teacher():
    def trained(teacher, **kwargs):
        return parameters(student(teacher, **kwargs).learn(128))

    alone = trained(RIGHT, teacher_coef=0.0)
    worse = recorded(-100.0, teacher=WRONG)
    assert th.equal(alone, trained(worse, teacher_gates="teacher_better"))
    assert not th.equal(alone, trained(worse))
    assert not th.equal(alone, trained(recorded(100.0), teacher_gates="teacher_better"))


def test_a_gate_without_a_record_warns_and_teaches_nothing():
    with pytest.warns(UserWarning, match="no advice comes with a record") as told:
        shut = parameters(student(RIGHT, teacher_gates="teacher_better").learn(128))
    assert len(told) == 1
    assert th.equal(shut, parameters(student(RIGHT, teacher_coef=0.0).learn(128)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        student(recorded(), teacher_gates="teacher_better").learn(64)


def test_a_teacher_that_plays_first_brings_its_record(tmp_path):
    model = student(RIGHT, teacher_eval_episodes=8, teacher_gates="teacher_better").learn(640)
    assert model.teacher_record["outcome"] == "teaches"
    seen = Experience.from_dict(model.teacher_seen)
    assert (seen.episodes, seen.wins, seen.discount) == (8, 8, 0.99)
    weights = model.rollout_buffer.teacher_values
    assert not np.isnan(weights).any()
    model.save(tmp_path / "student")
    loaded = TeacherPPO.load(tmp_path / "student", env=make_vec_env(taught, 2))
    loaded.learn(64, reset_num_timesteps=False)
    teachers = loaded.env.get_attr("teacher")
    assert [type(teacher) for teacher in teachers] == [RecordedTeacher] * 2
    assert not np.isnan(loaded.rollout_buffer.teacher_values).any()
    plain = student(RIGHT, teacher_eval_episodes=8).learn(640)
    assert plain.teacher_seen is None
    assert np.isnan(plain.rollout_buffer.teacher_values).all()


def test_one_teacher_for_all_envs_brings_it_too():
    envs = make_vec_env(lambda: GroundingWrapper(Echo(), grounding()), 2)
    env = VecTeacher(envs, recorded(), 0.0, workers=0)
    env.reset()
    assert all(info["teacher_value"] > 1.0 for info in env.unwrapped.reset_infos)
    plain = make_vec_env(taught, 2)
    plain.env_method("use_record", recorded().experience)
    plain.reset()
    assert all("teacher_value" in info for info in plain.reset_infos)
    assert len(plain.env_method("teacher_metrics")) == 2
    assert len({key for key, _ in plain.env_method("teacher_metrics")}) == 1
    assert teacher_sums(plain) == {}


def test_advice_keeps_to_the_contract_and_its_value_is_a_number():
    check_decorator(lambda teacher: RecordedTeacher(teacher, Experience()))
    teacher = recorded(3.0)
    env = taught(teacher)
    env.reset(seed=1)
    assert (env.advice.value, env.advice.plans) == (3.0, RIGHT.advise([env.situation])[0].plans)
    assert teacher.cached(env.situation) == RIGHT.cached(env.situation)
    around = PractisedTeacher(RIGHT, teacher.experience)
    assert around.advise([env.situation])[0].value == 3.0
    teacher.experience.places.clear()
    assert teacher.advise([env.situation])[0].value is None
    with pytest.raises(AdviceError, match="value is nan"):
        Advice((), value=math.nan)
    assert Place("a").value is None
