"""When to ask: which steps, what stands in between, and what each condition saved."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    ActionGrounding,
    Advice,
    AtReset,
    BudgetLeft,
    EveryNSteps,
    Grounding,
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    NewText,
    OptionFinished,
    ScriptedTeacher,
    Situation,
    StudentUncertain,
    TeacherPPO,
    VecTeacher,
    WithProbability,
)
from gym_llmteacher.errors import ConditionError
from gym_llmteacher.sb3.telemetry import teacher_totals
from gym_llmteacher.testing import FakeLLMServer

LENGTH = 7  # observations of an episode that are asked about: steps 0 to 6


class Clock(gym.Env):
    """Episodes of one length; the observation is the number of the step."""

    observation_space = gym.spaces.Box(0, 100, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)
    metadata = {"render_modes": []}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.now = 0
        return np.array([0], np.float32), {}

    def step(self, action):
        self.now += 1
        return np.array([self.now], np.float32), 0.0, self.now == LENGTH, False, {}


def grounding():
    return ActionGrounding(lambda obs: f"step {int(obs[0]) % 4}", ["a", "b"])


class Noting(ScriptedTeacher):
    """Remembers what it was asked; says ``a``, or nothing."""

    def __init__(self, advice=("a",)):
        super().__init__(self.say)
        self.advice, self.asked = advice, []

    def say(self, situation):
        self.asked.append(int(situation.text.split()[-1]))
        return self.advice


def play(env, episodes=2):
    infos = []
    for _ in range(episodes):
        _, info = env.reset()
        over = False
        while not over:
            infos.append(info)
            _, _, over, _, info = env.step(0)
    return infos


@pytest.mark.parametrize(
    ("ask", "first", "second"),
    [
        (None, [0, 1, 2, 3, 0, 1, 2], [0, 1, 2, 3, 0, 1, 2]),
        (AtReset(), [0], [0]),
        (EveryNSteps(3), [0, 3, 2], [0, 3, 2]),
        (NewText(), [0, 1, 2, 3], []),
        (NewText() | EveryNSteps(3), [0, 1, 2, 3, 2], [0, 3, 2]),
        (NewText() & EveryNSteps(3), [0, 3], []),
        (AtReset() | (NewText() & EveryNSteps(2)), [0, 2], [0]),
    ],
    ids=["always", "reset", "every", "new", "or", "and", "nested"],
)
def test_which_steps_are_asked_about(ask, first, second):
    ask = copy.deepcopy(ask)  # it counts, and mutmut runs a test more than once in a process
    teacher = Noting()
    env = LLMTeacherWrapper(Clock(), teacher, grounding(), ask=ask)
    play(env, 1)
    assert teacher.asked == first
    play(env, 1)
    assert teacher.asked == first + second
    if ask is not None:
        _, totals = env.teacher_metrics()
        names = [part.name for part in ask.parts()]
        saved = [totals[f"saved_{name}"] for name in names]
        if len(names) == 1:
            assert saved == [2 * LENGTH - len(teacher.asked)]
        assert all(0 < count <= 2 * LENGTH - len(teacher.asked) for count in saved)


def test_in_between_the_last_advice_of_the_episode_stands():
    infos = play(LLMTeacherWrapper(Clock(), Noting(), grounding(), smoothing=0, ask=AtReset()))
    assert [info["teacher_weight"] for info in infos] == [1.0] * 2 * LENGTH
    assert all(info["teacher_prior"].tolist() == [1, 0] for info in infos)
    infos = play(LLMTeacherWrapper(Clock(), Noting(), grounding(), ask=NewText() & EveryNSteps(3)))
    weights = [info["teacher_weight"] for info in infos]
    assert weights == [1.0] * LENGTH + [0.0] * LENGTH  # not that of another episode


def test_an_option_that_is_finished_is_asked_about():
    """``walk`` is done after three steps, ``wait`` never is."""

    class Walking(Grounding):
        def describe(self, env, obs):
            now = int(obs[0])
            walk = [1, 0] if now % 3 else [0, 0]
            return Situation(f"step {now}", ("walk", "wait"), np.array([walk, [0, 1]], np.float32))

    teacher = Noting(("walk",))
    env = LLMTeacherWrapper(Clock(), teacher, Walking(), ask=OptionFinished())
    play(env, 1)
    assert teacher.asked == [0, 1, 3, 4, 6]  # at 0, 3 and 6 it cannot even begin
    lasting = Noting(("wait",))
    play(LLMTeacherWrapper(Clock(), lasting, Walking(), ask=OptionFinished()), 1)
    assert lasting.asked == [0]


def test_chance_is_seeded_and_draws_from_no_other_generator():
    def asked(seed):
        teacher = Noting()
        env = LLMTeacherWrapper(Clock(), teacher, grounding(), ask=WithProbability(0.3, seed))
        state = np.random.get_state()[1].tolist()
        play(env, 60)
        assert np.random.get_state()[1].tolist() == state
        return teacher.asked

    assert asked(3) == asked(3) != asked(4)
    assert abs(len(asked(3)) / (60 * LENGTH) - 0.3) < 0.07


def test_what_is_known_is_used_for_nothing(tmp_path):
    never = WithProbability(0.0)
    with FakeLLMServer("Action: {b}") as server:
        path = tmp_path / "a.sqlite"
        teacher = LLMTeacher(server.model, path, samples=1)
        play(LLMTeacherWrapper(Clock(), teacher, grounding()), 1)
        fresh = LLMTeacher(server.model, path, samples=1)
        server.history.clear()
        infos = play(LLMTeacherWrapper(Clock(), fresh, grounding(), smoothing=0, ask=never))
        assert all(info["teacher_prior"].tolist() == [0, 1] for info in infos)
        assert server.history == []
    assert never.saved == 0


def test_the_rest_of_a_budget_is_kept_for_resets(tmp_path):
    """Of eight calls after the probe, six go to anything; the last two only to first steps."""
    numbers = ActionGrounding(lambda obs, env: f"text {env.episode} {int(obs[0])}", ["a", "b"])

    class Episodes(gym.Wrapper):
        episode = -1

        def reset(self, **kwargs):
            self.episode += 1
            return super().reset(**kwargs)

    with FakeLLMServer("Action: {a}") as server:
        teacher = LLMTeacher(
            server.model, tmp_path / "a.sqlite", samples=1, budget={"calls": 9}, max_retries=0
        )
        env = Episodes(Clock())
        env = LLMTeacherWrapper(env, teacher, numbers, ask=BudgetLeft(0.25) | AtReset())
        server.history.clear()  # the probe took one call of nine
        play(env, 6)
        sent = [
            r.body["messages"][-1]["content"].split("text ")[1].replace('"', "")
            for r in server.history
        ]
    asked = [tuple(int(n) for n in text.split("\n")[0].split()) for text in sent]
    assert asked == [(0, s) for s in range(6)] + [(1, 0), (2, 0)]


def test_a_sure_student_is_not_taught():
    ask = StudentUncertain(0.5)
    teacher = Noting()
    env = LLMTeacherWrapper(Clock(), teacher, grounding(), ask=ask)
    play(env, 1)
    assert len(teacher.asked) == LENGTH  # of a student that is not known, nothing is known
    student = PPO("MlpPolicy", env, device="cpu", seed=0)
    ask.watch(student)
    play(env, 1)
    assert len(teacher.asked) == 2 * LENGTH  # a new policy is close to uniform
    with th.no_grad():
        student.policy.action_net.bias[:] = th.tensor([20.0, 0.0])
    play(env, 1)
    assert len(teacher.asked) == 2 * LENGTH
    assert ask.saved == LENGTH
    assert pickle.loads(pickle.dumps(ask)).threshold == 0.5  # without the student


@pytest.mark.parametrize(
    "ask", [AtReset, NewText, lambda: EveryNSteps(3), lambda: AtReset() | WithProbability(0.5)]
)
def test_all_envs_by_one_teacher_ask_as_one_env_does(ask):
    """`VecTeacher` decides as the wrapper does, and the late answers are still filled in."""

    def taught(make):
        teacher = Noting()
        venv, wait = make(teacher)
        model = TeacherPPO("MlpPolicy", venv, n_steps=2 * LENGTH, batch_size=7, n_epochs=1,
                           teacher_coef=1.0, seed=0, device="cpu")  # fmt: skip
        model.learn(2 * LENGTH)
        wait()
        return teacher.asked, model.rollout_buffer.teacher_weights, teacher_totals(venv)

    def wrapped(teacher):
        return make_vec_env(
            lambda: LLMTeacherWrapper(Clock(), teacher, grounding(), ask=ask()), 1
        ), lambda: None

    def together(teacher):
        envs = make_vec_env(lambda: GroundingWrapper(Clock(), grounding()), 1)
        venv = VecTeacher(envs, teacher, ask=ask(), workers=0)
        return venv, venv.close

    (asked, weights, totals), (asked2, weights2, totals2) = taught(wrapped), taught(together)
    assert asked == asked2
    np.testing.assert_array_equal(weights.ravel(), weights2.ravel())
    saved = {name: n for name, n in totals.items() if name.startswith("saved")}
    assert saved == {name: totals2[name] for name in saved}
    assert saved


def test_an_open_question_is_waited_for_and_not_counted_as_saved():
    envs = make_vec_env(lambda: GroundingWrapper(Clock(), grounding()), 2)
    teacher = Noting(Advice.from_counts({("a",): 1.0}))
    ask = NewText()
    venv = VecTeacher(envs, teacher, ask=ask, late_timeout=20.0)
    model = TeacherPPO("MlpPolicy", venv, n_steps=LENGTH, batch_size=7, n_epochs=1,
                       teacher_coef=1.0, seed=0, device="cpu").learn(2 * LENGTH)  # fmt: skip
    assert sorted(teacher.asked) == [0, 1, 2, 3]  # each text once, for both envs
    assert (model.rollout_buffer.teacher_weights == 1).all()
    venv.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EveryNSteps(0), "n=0, expected 1 or more"),
        (lambda: WithProbability(2.0), r"got 2.0, expected a number in \[0, 1\]"),
        (lambda: AtReset() | 3, "3 is no condition"),
        (
            lambda: LLMTeacherWrapper(Clock(), Noting(), grounding(), ask="always"),
            "'always' names no",
        ),
    ],
)
def test_bad_conditions(make, message):
    with pytest.raises(ConditionError, match=message):
        make()
