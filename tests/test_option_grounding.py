"""Options that are functions: applied, finished, of any action space; groundings by env id."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from gym_llmteacher import (
    ActionGrounding,
    LLMTeacherWrapper,
    Option,
    OptionGrounding,
    OptionsWrapper,
    ScriptedTeacher,
    TeacherPPO,
    register_grounding,
)
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings import registry

pytestmark = pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")


def swinging(obs):
    """Pendulum: ``cos, sin, speed``."""
    return (
        "nearly upright"
        if obs[0] > 0.95
        else f"hanging, moving {'left' if obs[2] > 0 else 'right'}"
    )


def balance(obs, env):
    torque = -10 * np.arctan2(obs[1], obs[0]) - 2 * obs[2]
    return np.clip([torque], -2, 2).astype(np.float32)


PENDULUM = {
    "swing": lambda obs: np.array([2.0 if obs[2] > 0 else -2.0], dtype=np.float32),
    "balance": Option(balance, finished=lambda obs: obs[0] <= 0.95),
}


def pendulum(**kwargs):
    grounding = OptionGrounding(swinging, PENDULUM, task="stand upright")
    env = OptionsWrapper(gym.make("Pendulum-v1"), grounding=grounding, max_length=5, **kwargs)
    teacher = ScriptedTeacher(lambda s: ("balance",) if "upright" in s.text else ("swing",))
    return LLMTeacherWrapper(env, teacher=teacher)


def test_a_box_becomes_a_choice_among_options():
    env = pendulum()
    assert env.action_space == gym.spaces.Discrete(2)
    check_env(env, skip_render_check=True)
    obs, info = env.reset(seed=1)
    upright, done = 0, False
    while not done:
        assert info["teacher_prior"].shape == (2,)
        obs, _, _, done, info = env.step(int(info["teacher_prior"].argmax()))
        upright += obs[0] > 0.95
    assert upright > 10  # the teacher's choice of the two swings it up and holds it


def test_an_option_that_is_over_is_not_advised():
    env = pendulum()
    env.reset(seed=1)
    while "hanging" not in env.situation.text:
        env.step(0)
    table = dict(zip(env.situation.options, np.asarray(env.situation.option_actions), strict=True))
    assert table["swing"].tolist() == [1, 0]
    assert not table["balance"].any()


def test_a_student_learns_over_options():
    model = TeacherPPO("MlpPolicy", pendulum(), n_steps=64, batch_size=32, seed=0, device="cpu")
    model.learn(128)
    assert model.logger.name_to_value["teacher/coverage"] == 1.0


def test_box_actions_need_functions():
    with pytest.raises(GroundingError, match="an OptionGrounding whose options are functions"):
        OptionsWrapper(
            gym.make("Pendulum-v1"), ["push"], ActionGrounding(str, ["push"], "stand upright")
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"describe": "here", "options": {"go": lambda obs: 0}}, "describe is 'here'"),
        ({"describe": str, "options": {}}, "expected a dict of non-empty names"),
        ({"describe": str, "options": ["go"]}, "expected a dict of non-empty names"),
        ({"describe": str, "options": {" ": lambda obs: 0}}, "expected a dict of non-empty names"),
        ({"describe": str, "options": {"go": 3}}, "option 'go' is 3, expected a function"),
        ({"describe": str, "options": {"go": Option(len, 4)}}, "option 'go' is Option"),
    ],
)
def test_mistakes_are_told_of_at_construction(arguments, message):
    with pytest.raises(GroundingError, match=message):
        OptionGrounding(**arguments)


def test_multi_discrete_is_told_of():
    class Two(gym.Env):
        action_space = gym.spaces.MultiDiscrete([2, 3])
        observation_space = gym.spaces.Discrete(1)

    with pytest.raises(GroundingError, match="ActionGrounding speaks of one choice only"):
        LLMTeacherWrapper(Two(), grounding=ActionGrounding(str, ["a"], "x"))


def test_options_on_multi_discrete_actions():
    taken = []

    class Two(gym.Env):
        action_space = gym.spaces.MultiDiscrete([2, 3])
        observation_space = gym.spaces.Discrete(1)

        def reset(self, *, seed=None, options=None):
            return 0, {}

        def step(self, action):
            taken.append(np.asarray(action).tolist())
            return 0, 0.0, False, False, {}

    options = {"both": lambda obs: np.array([1, 2]), "never": lambda obs: None}
    env = OptionsWrapper(Two(), grounding=OptionGrounding(str, options, "x"), max_length=2)
    env.reset()
    env.step(0)
    env.step(1)
    assert taken == [[1, 2], [1, 2], [0, 0]]


class Corridor(gym.Env):
    """Three cells; the right end is the goal."""

    action_space = gym.spaces.Discrete(2)
    observation_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = 0
        return 0, {}

    def step(self, action):
        self.cell = min(2, max(0, self.cell + (1 if action else -1)))
        return self.cell, float(self.cell == 2), self.cell == 2, False, {}


def test_a_grounding_of_ones_own_is_found_by_id(monkeypatch):
    monkeypatch.setattr(registry, "GROUNDINGS", dict(registry.GROUNDINGS))
    register_grounding(
        "tests/Corridor",
        lambda: ActionGrounding(lambda obs: f"cell {obs} of 2", ["left", "right"], "reach cell 2"),
    )
    monkeypatch.setitem(gym.registry, "tests/Corridor-v3", gym.envs.registration.EnvSpec(
        "tests/Corridor-v3", entry_point=Corridor, max_episode_steps=9))  # fmt: skip
    env = LLMTeacherWrapper(
        gym.make("tests/Corridor-v3"), teacher=ScriptedTeacher(lambda situation: ("right",))
    )
    assert env.reset(seed=0)[1]["teacher_prior"].argmax() == 1
    assert env.situation.text == "cell 0 of 2"
    with pytest.raises(GroundingError, match="factory is 3, expected a function"):
        register_grounding("tests/Corridor", 3)
