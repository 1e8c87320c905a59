"""What one adviser can do, every wrapper can."""

import threading

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    ActionGrounding,
    Advice,
    Condition,
    Grounding,
    GroundingWrapper,
    LLMTeacherWrapper,
    ScriptedTeacher,
    TeacherPPO,
    VecTeacher,
    VectorTeacher,
    WithProbability,
)
from gym_llmteacher.errors import (
    GroundingError,
)
from tests.lessons import PLANNER
from tests.track import LEFT, RIGHT, Track, on


def test_two_teachers_for_one_env_are_refused():
    envs = make_vec_env(lambda: LLMTeacherWrapper(Track(), "script:cart_pole_planner", on("x")), 1)
    with pytest.raises(GroundingError, match="have a teacher already"):
        VecTeacher(envs, PLANNER)


class Locking(ActionGrounding):
    """Cannot be copied, and looks empty."""

    def __init__(self):
        super().__init__(lambda obs: "Locked.", [LEFT, RIGHT], task="x")
        self.lock = threading.Lock()

    def __len__(self):
        return 0


def test_a_grounding_with_a_lock_that_looks_empty_is_the_one_that_is_used():
    grounding: Grounding = Locking()
    env = LLMTeacherWrapper(Track(), ScriptedTeacher(lambda here: (LEFT,)), grounding)
    assert env.grounding is grounding
    assert GroundingWrapper(Track(), grounding).grounding is grounding
    env.reset()
    assert env.situation.text == "Locked."


def test_weights_are_floats_in_gymnasiums_vector_envs():
    """They take the type of an info's entry from the first env."""
    scripts = iter([{(LEFT,): 1.0}, {(LEFT,): 1.0}])
    confidences = iter([1, 0.5])

    def make():
        advice = Advice.from_counts(next(scripts), confidence=next(confidences))
        return LLMTeacherWrapper(Track(), ScriptedTeacher(lambda here: advice), on("x"))

    envs = SyncVectorEnv([make, make])
    _, infos = envs.reset()
    assert infos["teacher_weight"].tolist() == [1.0, 0.5]
    envs.close()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_conditions_and_switching_off_in_gymnasiums_vector_envs(mode):
    asked = []
    teacher = ScriptedTeacher(lambda here: asked.append(here) or (LEFT,))
    envs = SyncVectorEnv([lambda: GroundingWrapper(Track(), on("x"))] * 2, autoreset_mode=mode)
    envs = VectorTeacher(envs, teacher, ask=WithProbability(0), workers=0)
    _, infos = envs.reset()
    assert infos["teacher_weight"].tolist() == [0.0, 0.0]
    assert (asked, envs.teacher_metrics()["saved_with_probability"]) == ([], 2.0)
    envs.set_teaching(False)
    _, _, _, _, infos = envs.step(np.zeros(2, int))
    assert infos["teacher_weight"].dtype == np.float32
    assert (infos["teacher_prior"] == 0.5).all()
    envs.close()


def test_late_answers_in_the_single_env_wrapper():
    gate = threading.Event()

    def slow(here):
        gate.wait(20)
        return (RIGHT,)

    def make():
        return LLMTeacherWrapper(
            Track(), ScriptedTeacher(slow), on("x"), workers=1, late_timeout=20.0, smoothing=0.0
        )

    envs = make_vec_env(make, 2)
    model = TeacherPPO("MlpPolicy", envs, n_steps=4, batch_size=8, n_epochs=1, teacher_coef=1.0,
                       seed=0, device="cpu")  # fmt: skip
    envs.reset()
    info = envs.unwrapped.reset_infos[0]
    assert (info["teacher_weight"], info["teacher_pending"].advices) == (0.0, (None,))
    gate.set()
    model.learn(8)
    assert (model.rollout_buffer.teacher_weights == 1).all()
    np.testing.assert_array_equal(model.rollout_buffer.teacher_priors, [[0.0, 1.0]] * 8)


class Learner(Condition):
    """Asks always, and hears what comes of it."""

    name = "learner"

    def __init__(self):
        self.heard = []

    def holds(self, moment):
        return True

    def hear(self, outcome):
        self.heard.append((outcome.env, outcome.asked, outcome.changed, outcome.over))


def test_conditions_hear_what_became_of_their_decisions():
    plans = iter([(LEFT,), (LEFT,), (RIGHT,)] + [(RIGHT,)] * 20)
    learner = Learner()
    env = LLMTeacherWrapper(
        Track(), ScriptedTeacher(lambda here: next(plans)), on("x"), ask=learner
    )
    env.reset()
    for _ in range(6):
        env.step(0)
    changes = [True, False, True, False, False, False]
    assert learner.heard == [(0, True, c, i == 5) for i, c in enumerate(changes)]
