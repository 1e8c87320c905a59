"""Curricula: several levels at once, a level that is too hard at first, writers that do harm.

Run: ``python -m benchmarks.curricula levels|hard|harm [seeds] [frames]``, then ``python -m
benchmarks.curricula report``. Lines of what is done are kept in
``benchmarks/results/curricula.jsonl``; the report writes ``curricula.md`` and ``curricula.png``
beside it.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import minigrid  # noqa: F401  (registers BabyAI's levels)
from minigrid.envs import EmptyEnv, KeyCorridorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    Curriculum,
    CurriculumCallback,
    EasyToHard,
    EgoMapFeatures,
    Gap,
    LLMTeacherWrapper,
    LLMWriter,
    MapMemory,
    TeacherPPO,
    TeacherWriter,
    Writer,
)
from gym_llmteacher.testing import FakeLLMServer
from gym_llmteacher.wrappers.success import SuccessInfo

RESULTS = Path(__file__).parent / "results"
LEVELS = tuple(
    f"BabyAI-{name}-v0"
    for name in ("GoToRedBallGrey", "GoToObj", "GoToLocal", "OpenRedDoor", "PickupDist",
                 "PickupLoc", "PutNextLocal", "UnlockPickup")
)  # fmt: skip


class Originals(Writer):
    """No curriculum: the originals alone."""

    def propose(self, report: Any, space: Any, n: int, rng: Any) -> list[dict[str, Any]]:
        return []


class Fixed(Writer):
    """The same every time, whether it is of the space or not."""

    def __init__(self, *said: Any) -> None:
        self.said = said

    def propose(self, report: Any, space: Any, n: int, rng: Any) -> list[Any]:
        return list(self.said)


def taught(env: gym.Env) -> gym.Env:
    return LLMTeacherWrapper(MapMemory(env, radius=8), "script:mission_planner")


def level(level: str) -> gym.Env:
    return taught(gym.make(level))


def corridor(rows: int, size: int) -> gym.Env:
    return taught(KeyCorridorEnv(num_rows=rows, room_size=size, max_steps=300))


class Paid(gym.RewardWrapper):
    """The reward times a number."""

    def __init__(self, env: gym.Env, factor: int) -> None:
        super().__init__(env)
        self.factor = factor

    def reward(self, reward: Any) -> float:
        return float(reward) * self.factor


def room(size: int, steps: int, prize: int) -> gym.Env:
    env = EmptyEnv(size=size, agent_start_pos=None, max_steps=steps)
    return Paid(SuccessInfo(MapMemory(env, radius=7)), prize)


@dataclass(frozen=True)
class Part:
    """A comparison.

    :param make: an env of its keyword arguments
    :param writers: by arm
    :param n: configurations of a mix
    :param every: env steps of a cycle
    :param solved: success in each skill, in two looks in a row, at which the training ends
    """

    make: Callable[..., gym.Env]
    space: dict[str, Any]
    original: Any
    writers: dict[str, Callable[[str], Writer]]
    student: type[PPO]
    frames: int
    every: int
    n: int = 2
    episodes: int = 80
    solved: float = math.inf


class Until(BaseCallback):
    """Ends the training once the worst skill was there in two looks in a row."""

    def __init__(self, curriculum: Curriculum, solved: float) -> None:
        super().__init__()
        self.history, self.solved = curriculum.history, solved

    def _on_step(self) -> bool:
        looks = [min(rate[0] for rate in line["skills"].values()) for line in self.history[-2:]]
        return min(looks) < self.solved


HALL = {"size": 16, "steps": 1000, "prize": 1}
REVERSED = {"size": 6, "steps": 60, "prize": -1}
PARTS = {
    "levels": Part(
        level,
        {"level": {"enum": list(LEVELS)}},
        [{"level": name} for name in LEVELS],
        {
            "uniform": lambda url: Originals(),
            "gap": lambda url: Gap(lambda one: 1.0, [{"level": name} for name in LEVELS]),
            "embedded model": lambda url: TeacherWriter(
                "embedded",
                [{"level": name} for name in LEVELS],
                "do what it is told",
                answers=":memory:",
            ),
            "programmed server": lambda url: LLMWriter(url, answers=":memory:"),
        },
        TeacherPPO,
        frames=122_880,
        every=4_096,
        episodes=240,
        solved=0.8,
    ),
    "hard": Part(
        corridor,
        {
            "rows": {"type": "integer", "minimum": 1, "maximum": 3},
            "size": {"type": "integer", "minimum": 3, "maximum": 6},
        },
        {"rows": 3, "size": 6},
        {
            "none": lambda url: Originals(),
            "easy to hard": lambda url: EasyToHard(
                [{"rows": 3, "size": size} for size in (3, 4, 5)]
            ),
        },
        TeacherPPO,
        frames=122_880,
        every=12_288,
        episodes=32,
    ),
    "harm": Part(
        room,
        {
            "size": {"type": "integer", "minimum": 5, "maximum": 16},
            "steps": {"type": "integer", "minimum": 1, "maximum": 1000},
            "prize": {"enum": [1, -1]},
        },
        {"size": 6, "steps": 60, "prize": 1},
        {
            "none": lambda url: Originals(),
            "nonsense": lambda url: Fixed("rm -rf /", None, {"size": 6}, {**HALL, "size": 99}),
            "hopeless": lambda url: Fixed(HALL),
            "reversed": lambda url: Fixed(REVERSED),
            "reversed, restored": lambda url: Fixed(REVERSED),
        },
        PPO,
        frames=40_960,
        every=4_096,
        episodes=96,
    ),
}  # fmt: skip


def run(name: str, arm: str, seed: int, frames: int) -> dict[str, Any]:
    """Train in what a writer proposes, and return what was measured in the original."""
    part = PARTS[name]
    hard = [{"level": LEVELS[-1]}, {"level": LEVELS[-2]}]
    with FakeLLMServer(json.dumps(hard)) as server:
        curriculum = Curriculum(
            part.make, part.space, part.writers[arm](server.model), part.original, n=part.n,
            seed=seed,
        )  # fmt: skip
        more = {"teacher_eval_episodes": 0} if part.student is TeacherPPO else {}
        model = part.student(
            "MlpPolicy",
            make_vec_env(curriculum.make, 8, seed=seed),
            learning_rate=1e-3,
            n_steps=128,
            batch_size=128,
            n_epochs=6,
            ent_coef=0.01 if part.student is PPO else 0.001,
            policy_kwargs={"features_extractor_class": EgoMapFeatures, "net_arch": [64]},
            seed=seed,
            device="cpu",
            **more,
        )
        callback = CurriculumCallback(
            curriculum, every=part.every, episodes=part.episodes, restore="restored" in arm
        )
        model.learn(frames, callback=[callback, Until(curriculum, part.solved)])
    history = curriculum.history
    skills = sorted(history[-1]["skills"])
    return {
        "part": name, "arm": arm, "seed": seed, "frames": frames, "skills": skills,
        # Success by skill after so many frames; of one that came up in no episode: none.
        "curve": [
            [line["cycle"] * part.every, *[line["skills"].get(s, [None])[0] for s in skills]]
            for line in history
        ],
        "mixes": [line["mix"] for line in history[1:]],
        "dropped": sum(not line["kept"] for line in history),
    }  # fmt: skip


def main(name: str, seeds: int = 1, frames: int | None = None) -> None:
    path = RESULTS / "curricula.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["part"], line["arm"], line["seed"]) for line in lines}
    for seed in range(seeds):
        for arm in PARTS[name].writers:
            if (name, arm, seed) not in done:
                line = run(name, arm, seed, frames or PARTS[name].frames)
                with path.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(name, arm, seed, line["curve"], line["dropped"], flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["report"]:
        from benchmarks.curricula_report import report

        report()
    else:
        main(sys.argv[1], *map(int, sys.argv[2:]))
