"""A curriculum: a language model writes the levels that a student is trained in, cycle by cycle.

No key, no network, about a minute: ``python examples/curriculum.py [frames]``. The language model
is a server on this machine with programmed answers: it begins with small rooms, and its second
answer asks for a room that is not allowed, which is reported back to it.
"""

import sys

import gymnasium as gym
from minigrid.envs import DoorKeyEnv
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    Curriculum,
    CurriculumCallback,
    EgoMapFeatures,
    LLMTeacherWrapper,
    LLMWriter,
    MapMemory,
    TeacherPPO,
)
from gym_llmteacher.testing import FakeLLMServer

frames = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000


def room(size: int) -> gym.Env:
    """A door, its key and a goal behind it; a script teaches."""
    env = MapMemory(DoorKeyEnv(size=size, max_steps=200), radius=7)
    return LLMTeacherWrapper(env, "script:mission_planner")


answers = ['[{"size": 5}, {"size": 6}]', '[{"size": 60}]', '[{"size": 6}, {"size": 7}]']
with FakeLLMServer(answers) as server:
    curriculum = Curriculum(
        room,
        space={"size": {"type": "integer", "minimum": 5, "maximum": 9}},
        writer=LLMWriter(server.model, "open the door and reach the goal", answers=":memory:"),
        original={"size": 8},
    )
    env = make_vec_env(curriculum.make, 8, seed=0)
    model = TeacherPPO(
        "MlpPolicy",
        env,
        n_steps=128,
        batch_size=256,
        n_epochs=4,
        learning_rate=1e-3,
        policy_kwargs={"features_extractor_class": EgoMapFeatures, "net_arch": [64]},
        seed=0,
        device="cpu",
        teacher_eval_episodes=0,
    )
    model.learn(frames, callback=CurriculumCallback(curriculum, every=frames // 4, episodes=20))
    print(f"{len(server.history)} questions")
for cycle in curriculum.history:
    sizes = [one["size"] for one in cycle["mix"]]
    print(f"cycle {cycle['cycle']}: {cycle['success']:.0%} in the original, rooms of {sizes}")
