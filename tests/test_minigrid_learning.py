"""A level that plain PPO is known for not solving, with a teacher and without."""

import gymnasium as gym
import minigrid  # noqa: F401
import pytest
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import LLMTeacherWrapper, MapMemory, TeacherPPO
from gym_llmteacher.experiments.config import ppo_arguments
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.playing.actors import StudentActor
from tests.minigrid_levels import PLANNER


def make():
    return MapMemory(gym.make("MiniGrid-MultiRoom-N2-S4-v0"), radius=6)


def success(coef, frames=5_000):
    env = make_vec_env(
        make, 8, seed=0, wrapper_class=LLMTeacherWrapper, wrapper_kwargs={"teacher": PLANNER}
    )
    arguments = ppo_arguments(map_like=True)
    model = TeacherPPO(env=env, **arguments, teacher_coef=coef, seed=0, device="cpu").learn(frames)
    return evaluate(make, StudentActor(model, deterministic=False), 40).success


@pytest.mark.slow
def test_rooms_behind_a_door_are_learned_with_a_teacher():
    taught, alone = (
        success({"shape": "linear", "start": 3.0, "end": 0.1, "steps": 4_000}),
        success(0),
    )
    assert taught > 0.8
    assert alone < taught - 0.3
