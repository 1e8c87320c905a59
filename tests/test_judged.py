"""By default a teacher plays first; it practises if it must, or teaches on trial."""

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

from gym_llmteacher import (
    ActionGrounding,
    GroundingWrapper,
    LLMTeacherWrapper,
    PractisedTeacher,
    ScriptedTeacher,
    SimulatedTeacher,
    TeacherPPO,
    VecTeacher,
)
from tests.students import parameters

LAVA = "LLMTeacher/LavaDoorKey-v0"
EXPERT = ScriptedTeacher.named("door_key_planner")
WRONG = SimulatedTeacher(EXPERT, 0.0, seed=100)
SMALL = {
    "policy": "MlpPolicy", "seed": 0, "device": "cpu", "n_steps": 128, "batch_size": 256,
    "n_epochs": 1, "policy_kwargs": {"net_arch": [8]},
}  # fmt: skip


def lava(teacher=WRONG):
    return LLMTeacherWrapper(gym.make(LAVA), teacher)


KINDS = {
    "Dummy": lambda: make_vec_env(lava, 4, seed=0),
    "Subproc": lambda: make_vec_env(lava, 2, seed=0, vec_env_cls=SubprocVecEnv),
    "late answers": lambda: VecTeacher(
        make_vec_env(lambda: GroundingWrapper(gym.make(LAVA)), 4, seed=0), WRONG, late_timeout=20.0
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_teacher_practises_and_then_teaches(kind, tmp_path):
    env = KINDS[kind]()
    total = 40_000
    model = TeacherPPO(env=env, **SMALL)
    with pytest.warns(UserWarning, match="solved 0% of 8 episodes alone. It practised for"):
        model._setup_learn(total)
    record = model.teacher_record
    assert record["alone"]["success"] < 0.5
    assert record["practised"]["success"] >= 0.5
    assert record["outcome"] == "teaches"
    assert 0 < record["steps"] <= total // 10
    played = record["alone"]["steps"] + record["practice"]["steps"] + record["practised"]["steps"]
    assert record["steps"] == model.num_timesteps == played
    assert model.teacher_experience["episodes"] == record["practice"]["episodes"]
    if kind == "Dummy":
        assert isinstance(env.envs[0].get_wrapper_attr("teacher"), PractisedTeacher)
        model.save(tmp_path / "student")
        fresh = make_vec_env(lava, 4, seed=0)
        again = TeacherPPO.load(tmp_path / "student", env=fresh)
        again._setup_learn(256, reset_num_timesteps=False)
        said = [e.get_wrapper_attr("teacher") for e in (env.envs[0], fresh.envs[0])]
        assert said[0].experience.as_dict() == said[1].experience.as_dict()
        assert again.teacher_record["steps"] == record["steps"]  # and does not play once more
        assert type(PPO.load(tmp_path / "student")) is PPO
    env.close()


def test_a_training_takes_as_many_steps_as_were_asked_for():
    class Counted(gym.Wrapper):
        steps = 0

        def step(self, action):
            Counted.steps += 1
            return super().step(action)

    env = make_vec_env(lambda: LLMTeacherWrapper(Counted(gym.make(LAVA)), EXPERT), 4, seed=0)
    model = TeacherPPO(env=env, **SMALL).learn(10_000, log_interval=1_000)  # nothing is dumped
    assert model.teacher_record["outcome"] == "teaches"
    logged = model.logger.name_to_value
    assert logged["teacher/alone_success"] == 1.0
    assert logged["teacher/played"] == model.teacher_record["alone"]["steps"] > 0
    assert Counted.steps == model.num_timesteps < 10_000 + 4 * 128
    assert "practice" not in model.teacher_record


@pytest.mark.parametrize(("episodes", "total"), [(0, 40_000), (None, 9_000)])
def test_it_can_be_turned_off_and_short_trainings_do_not_ask(episodes, total):
    model = TeacherPPO(env=KINDS["Dummy"](), teacher_eval_episodes=episodes, **SMALL)
    model._setup_learn(total)
    assert (model.teacher_record, model.num_timesteps) == (None, 0)
    assert model.teacher_followed


class Far(gym.Env):
    """Pays only for six times right in a row: neither a wrong teacher nor chance gets there."""

    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.right = self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.right += int(action == 3)
        self.steps += 1
        won = self.steps == 6 and self.right == 6
        info = {"is_success": won} if self.steps == 6 else {}
        return np.zeros(1, np.float32), float(won), self.steps == 6, False, info


NAMES = ["a", "b", "c", "d"]


def far(option, weight):
    # Its own advice is soft: alone it does not get there, a student that follows it does.
    from gym_llmteacher import Advice

    others = {(name,): (1 - weight) / 3 for name in NAMES if name != option}
    advice = Advice.from_counts({(option,): weight, **others})
    grounding = ActionGrounding(lambda obs: "somewhere", NAMES, "twelve times right")
    teacher = ScriptedTeacher(lambda here: advice)
    return make_vec_env(lambda: LLMTeacherWrapper(Far(), teacher, grounding), 4, seed=0)


def learn_far(option):
    arguments = {**SMALL, "learning_rate": 0.02, "n_epochs": 4, "ent_coef": 0.0}
    return TeacherPPO(env=far(option, 0.6), teacher_coef=1.0, **arguments)


def test_where_nobody_earned_anything_a_wrong_teacher_is_tried_and_the_untaught_student_returns():
    model = learn_far("a")
    untaught = {}

    class Watch:
        def __call__(self, local, _global):
            if model.teacher_trial and not untaught:
                untaught["parameters"] = parameters(model).clone()
                untaught["until"] = model.teacher_trial["until"]
            return True

    with pytest.warns(UserWarning, match="The untaught student is back"):
        model.learn(12_000, callback=Watch())
    assert untaught["until"] < 5_000
    assert model.teacher_record["outcome"] == "dismissed after a trial"
    assert model.current_coef == 0.0
    assert model.teacher_untaught is None


def test_the_student_that_returns_is_the_one_that_was_kept():
    from gym_llmteacher.sb3.trial import bring_back, kept

    model = PPO(env=make_vec_env("CartPole-v1", 2, seed=0), **SMALL).learn(256)
    aside, before = kept(model), parameters(model).clone()
    moments = str(model.policy.optimizer.state_dict())
    model.learn(256, reset_num_timesteps=False)
    assert not th.equal(parameters(model), before)
    bring_back(model, aside)
    assert th.equal(parameters(model), before)
    assert str(model.policy.optimizer.state_dict()) == moments


def test_a_teacher_whose_student_gets_there_stays():
    model = learn_far("d")
    model.learn(12_000)
    assert model.teacher_record["alone"]["success"] < 0.5
    assert model.teacher_record["outcome"] == "teaches"
    assert model.teacher_record["trial"] < 5_000
    assert model.current_coef == 1.0


def test_priors_of_ones_own_are_followed_unjudged():
    class Own(Far):
        def _info(self):
            prior = np.full(4, 0.25, np.float32)
            return {"teacher_prior": prior, "teacher_weight": 1.0}

        def reset(self, **kwargs):
            return super().reset(**kwargs)[0], self._info()

        def step(self, action):
            *rest, info = super().step(action)
            return (*rest, {**info, **self._info()})

    model = TeacherPPO(env=DummyVecEnv([Own] * 2), **SMALL)
    model._setup_learn(40_000)
    assert model.teacher_record is None
