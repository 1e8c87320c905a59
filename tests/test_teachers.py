"""Teachers that are no language models."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

from gym_llmteacher import (
    Advice,
    LLMTeacherWrapper,
    PolicyTeacher,
    ScriptedTeacher,
    SimulatedTeacher,
    Situation,
)
from gym_llmteacher.envs import env_id
from gym_llmteacher.errors import AdviceError, GroundingError, TeacherSpecError
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.playing.actors import TeacherActor
from gym_llmteacher.teachers.make import make_teacher

OPTIONS = ("a", "b", "c", "d")


def situations(n):
    rows = np.eye(4, dtype=np.float32)
    return [Situation(f"situation {i}", OPTIONS, rows) for i in range(n)]


RIGHT = ScriptedTeacher(lambda situation: ("a",))


@pytest.mark.parametrize(
    "answer", [("a",), {("a",): 2.0, ("b",): 2.0}, Advice.abstain("I do not know")]
)
def test_a_script_may_answer_in_three_ways(answer):
    (advice,) = ScriptedTeacher(lambda situation: answer).advise(situations(1))
    expected = {
        tuple: ((("a",), 1.0),), dict: ((("a",), 0.5), (("b",), 0.5)), Advice: (),
    }[type(answer)]  # fmt: skip
    assert advice.plans == expected


@pytest.mark.parametrize("answer", [None, "a", (), [("a",)], (1,)])
def test_a_script_that_answers_otherwise_is_told_so(answer):
    with pytest.raises(AdviceError, match="expected a plan such as"):
        ScriptedTeacher(lambda situation: answer).advise(situations(1))


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.7, 1.0])
def test_a_simulated_teacher_is_as_right_as_it_should_be(accuracy):
    asked = situations(2000)
    teacher = SimulatedTeacher(RIGHT, accuracy, seed=1)
    advices = teacher.advise(asked)
    share = np.mean([advice.plans[0][0] == ("a",) for advice in advices])
    assert share == pytest.approx(accuracy, abs=0.04)
    # Its mistakes are spread over the other options, and repeated.
    assert advices == SimulatedTeacher(RIGHT, accuracy, seed=1).advise(asked)
    wrong = [a.plans[0][0][0] for a in advices if a.plans[0][0] != ("a",)]
    if wrong:
        assert set(wrong) == {"b", "c", "d"}
    if 0 < accuracy < 1:
        assert advices != SimulatedTeacher(RIGHT, accuracy, seed=2).advise(asked)


def test_a_soft_simulated_teacher_tells_how_sure_it_is():
    (advice,) = SimulatedTeacher(RIGHT, 0.7, soft=True).advise(situations(1))
    assert dict(advice.plans) == pytest.approx({("a",): 0.7, ("b",): 0.1, ("c",): 0.1, ("d",): 0.1})


def test_with_nothing_else_to_say_it_is_right():
    here = Situation("only way", ("a",), np.eye(1, 3, dtype=np.float32))
    assert SimulatedTeacher(RIGHT, 0.0).advise([here])[0].plans == ((("a",), 1.0),)
    silent = SimulatedTeacher(ScriptedTeacher(lambda s: Advice.abstain("no")), 0.5)
    assert silent.advise([here])[0].abstained


def test_a_policy_teaches_its_own_probabilities(tmp_path):
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=16, batch_size=16, seed=0).learn(64)
    model.save(tmp_path / "expert.zip")
    env = LLMTeacherWrapper(
        gym.make("CartPole-v1"), teacher=PolicyTeacher(tmp_path / "expert.zip"), smoothing=0.0
    )
    obs, info = env.reset(seed=0)
    for action in (0, 1, 1, 0):
        distribution = model.policy.get_distribution(model.policy.obs_to_tensor(obs)[0])
        expected = distribution.distribution.probs[0].detach().numpy()
        np.testing.assert_allclose(info["teacher_prior"], expected, rtol=1e-5)
        obs, _, _, _, info = env.step(action)


def test_a_policy_for_another_env_is_refused():
    teacher = PolicyTeacher(PPO("MlpPolicy", "CartPole-v1", n_steps=16, batch_size=16))
    with pytest.raises(GroundingError, match=r"acts in Discrete\(2\), the env in Discrete\(3\)"):
        LLMTeacherWrapper(gym.make("MountainCar-v0"), teacher=teacher)
    with pytest.raises(GroundingError, match="wrap the env as the teacher's was"):
        LLMTeacherWrapper(
            gym.wrappers.FrameStackObservation(gym.make("CartPole-v1"), 2), teacher=teacher
        )
    with pytest.raises(GroundingError, match="expected Discrete"):
        PolicyTeacher(PPO("MlpPolicy", "Pendulum-v1", n_steps=16, batch_size=16))


def test_scripts_by_name():
    assert make_teacher({"script": "door_key_planner"}) is not None
    with pytest.raises(TeacherSpecError, match="no script 'x', expected one of door_key"):
        make_teacher({"script": "x"})
    with pytest.raises(TeacherSpecError, match="expected a callable"):
        ScriptedTeacher("door_key_planner")
    with pytest.raises(TeacherSpecError, match=r"accuracy is 1.5, expected the probability"):
        SimulatedTeacher(RIGHT, 1.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "bar"),
    [("SimpleDoorKey", 0.99), ("LavaDoorKey", 0.99), ("ColoredDoorKey", 0.99),
     ("DivergedDoorKey", 0.85)],
)  # fmt: skip
def test_the_scripted_planner_solves_the_papers_tasks(task, bar):
    """On 500 seeds (100 in the large room, which takes six times the steps)."""
    score = evaluate(
        lambda: LLMTeacherWrapper(gym.make(env_id(task)), {"script": "door_key_planner"}),
        TeacherActor(deterministic=True),
        episodes=100 if task == "DivergedDoorKey" else 500,
        seed=0,
    )
    assert score.success >= bar
