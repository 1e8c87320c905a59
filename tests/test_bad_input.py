"""Every mistake a newcomer makes: a clear message at construction, with the cure."""

import sqlite3

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

from gym_llmteacher import ActionGrounding, EgoMapFeatures, LLMTeacherWrapper, TeacherPPO
from gym_llmteacher.errors import (
    AnswersFileError,
    GroundingError,
    ModelUnavailableError,
    PriorError,
    ScheduleError,
    StudentError,
    TeacherError,
    TeacherSpecError,
)
from tests.lessons import PLANNER, TASK

LAKE = "FrozenLake-v1"


def lake(actions=("left", "down", "right", "up"), describe=lambda obs: f"cell {obs}"):
    return LLMTeacherWrapper(
        gym.make(LAKE), teacher=PLANNER, grounding=ActionGrounding(describe, actions, "cross")
    )


def task(**kwargs):
    return LLMTeacherWrapper(gym.make(TASK), **kwargs)


def student(env, **kwargs):
    return TeacherPPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, **kwargs)


CASES = {
    "continuous actions, wrapper": (
        lambda: LLMTeacherWrapper(gym.make("Pendulum-v1"), teacher=PLANNER),
        GroundingError,
        r"action space is Box\(.*\), expected Discrete.*discretise the actions with a "
        r"gymnasium\.ActionWrapper",
    ),
    "continuous actions, student": (
        lambda: student("Pendulum-v1"),
        GroundingError,
        r"action space is Box\(.*\), expected Discrete.*or use plain PPO",
    ),
    "actions that do not start at 0": (
        lambda: LLMTeacherWrapper(
            gym.wrappers.TransformAction(
                gym.make(LAKE), lambda a: a - 1, gym.spaces.Discrete(4, start=1)
            ),
            teacher=PLANNER,
        ),
        GroundingError,
        "expected Discrete starting at 0.*TransformAction",
    ),
    "an env no grounding knows": (
        lambda: LLMTeacherWrapper(gym.make("Acrobot-v1"), teacher=PLANNER),
        GroundingError,
        r"no grounding knows Acrobot-v1; known are LLMTeacher/\*, .*MiniGrid.*ActionGrounding\(",
    ),
    "not a grounding": (
        lambda: task(teacher=PLANNER, grounding="minigrid"),
        GroundingError,
        "grounding is 'minigrid', expected a Grounding such as ActionGrounding",
    ),
    "too few action names": (
        lambda: lake(actions=["left", "right"]),
        GroundingError,
        r"2 action names \(left, right\) for an env with 4 actions; expected one name per action",
    ),
    "names that repeat": (
        lambda: lake(actions=["left", "left", "right", "up"]),
        GroundingError,
        "expected a list of distinct, non-empty names",
    ),
    "names in one string": (
        lambda: lake(actions="ldru"),
        GroundingError,
        "actions is 'ldru', expected a list",
    ),
    "describe is no function": (
        lambda: lake(describe="a lake"),
        GroundingError,
        r"describe is 'a lake', expected a function \(obs, env\) -> str",
    ),
    "a provider litellm does not know": (
        lambda: task(teacher="nonsense/model"),
        ModelUnavailableError,
        r"nonsense/model.*provider/model",
    ),
    "a model without a provider": (
        lambda: task(teacher="my-model-7"),
        ModelUnavailableError,
        r"my-model-7.*provider/model",
    ),
    "a missing key": (
        lambda: task(teacher="openai/gpt-4o-mini"),
        ModelUnavailableError,
        "OPENAI_API_KEY",
    ),
    "not a teacher": (
        lambda: task(teacher=7),
        TeacherSpecError,
        "teacher is 7 .int., expected None, a litellm model name",
    ),
    "smoothing": (
        lambda: task(teacher=PLANNER, smoothing=1.5),
        PriorError,
        r"smoothing is 1.5, expected a number in \[0, 1\)",
    ),
    "a negative coefficient": (
        lambda: student(TASK, teacher_coef=-0.5),
        ScheduleError,
        "teacher_coef is -0.5, expected a number >= 0",
    ),
    "a schedule that rises": (
        lambda: student(TASK, teacher_coef={"shape": "linear", "start": 0.0, "end": 1.0}),
        ScheduleError,
        "rises from start=0 to end=1; λ must not rise. Swap the two values",
    ),
    "an unknown divergence": (
        lambda: student(TASK, teacher_divergence="js"),
        StudentError,
        "teacher_divergence is 'js', expected one of cross_entropy, forward_kl, reverse_kl",
    ),
    "an unknown gate": (
        lambda: student(TASK, teacher_gates=["advantage", "luck"]),
        StudentError,
        "teacher_gates has 'luck', expected one of confidence, advantage, proximal",
    ),
    "features for another observation": (
        lambda: EgoMapFeatures(gym.spaces.Box(0, 255, (8, 8, 3), np.uint8)),
        ValueError,
        r"expected a Box \(width, height, channels\) of integer codes below 64",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_at_construction(case, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    make, error, message = CASES[case]
    with pytest.raises(error, match=f"(?s){message}"):
        make()


def test_missing_weights(monkeypatch, tmp_path):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *a, **k: tmp_path)
    with pytest.raises(ModelUnavailableError, match="Cure: run gym-llmteacher setup"):
        task(answers=tmp_path / "fresh.sqlite")


@pytest.mark.parametrize("kind", ["corrupt", "foreign"])
def test_an_answers_file_that_is_none(kind, tmp_path):
    path = tmp_path / "answers.sqlite"
    if kind == "corrupt":
        path.write_bytes(b"not a database, but long enough to look at" * 40)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE holidays (day TEXT)")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(AnswersFileError, match=r"It was left as it is\. Cure: move it away"):
        task(answers=path)
    assert path.read_bytes() == before  # nothing is lost


class Bad(gym.Wrapper):
    """Puts whatever it is given into info."""

    def __init__(self, env, **extra):
        super().__init__(env)
        self.extra = extra

    def reset(self, **kwargs):
        obs, info = self.env.reset(**kwargs)
        return obs, {**info, **self.extra}

    def step(self, action):
        *rest, info = self.env.step(action)
        return (*rest, {**info, **self.extra})


NAN = np.array([np.nan, 0.5, 0.5, 0.0], dtype=np.float32)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, "info has no 'teacher_prior'.*Wrap the env before it is vectorised"),
        ({"teacher_prior": NAN}, "env 0 gave teacher_prior=.nan.*abstain with weight 0"),
        ({"teacher_prior": [0.5, 0.5]}, r"has shape \(2,\), expected \(4,\)"),
        ({"teacher_prior": [1.0, 1.0, 0, 0]}, "expected finite probabilities that sum to 1"),
        ({"teacher_prior": [0.25] * 4, "teacher_weight": 2.0}, r"a weight in \[0, 1\]"),
        ({"teacher_prior": [0.25] * 4, "teacher_weight": np.nan}, r"a weight in \[0, 1\]"),
    ],
)
def test_bad_priors_before_the_first_step(extra, message):
    env = make_vec_env(LAKE, 2, wrapper_class=lambda e: Bad(e, **extra))
    model = student(env, teacher_coef=1.0)
    with pytest.raises(PriorError, match=f"(?s){message}"):
        model.learn(32)
    assert model.num_timesteps == 0


def test_an_abstaining_teacher_may_give_anything():
    extra = {"teacher_prior": NAN, "teacher_weight": 0.0}
    good = {"teacher_prior": np.full(4, 0.25, np.float32), "teacher_weight": 1.0}
    env = DummyVecEnv([lambda: Bad(gym.make(LAKE), **extra), lambda: Bad(gym.make(LAKE), **good)])
    model = student(env, teacher_coef=1.0).learn(32)
    for parameter in model.policy.parameters():
        assert parameter.isfinite().all()


@pytest.mark.parametrize("text", [None, "", "   ", 3])
def test_describe_must_return_text(text):
    with pytest.raises(GroundingError, match=r"describe returned .*, expected a non-empty string"):
        lake(describe=lambda obs: text).reset(seed=0)


def test_every_error_is_a_teacher_error():
    for error in (AnswersFileError, GroundingError, ModelUnavailableError, PriorError,
                  ScheduleError):  # fmt: skip
        assert issubclass(error, TeacherError)
