"""When to ask, learned (When2Ask) and by rule: asks, redundant ones, success, return.

Run: ``python -m benchmarks.asking [frames] [seeds] [tasks ...]``, then ``python -m
benchmarks.asking report``. Lines of what is done are kept in ``benchmarks/results/asking.jsonl``;
the report writes ``asking.md`` and ``asking.png`` beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.utils import set_random_seed

from gym_llmteacher import (
    AskingWrapper,
    AtReset,
    ChangeFeatures,
    Condition,
    EveryNSteps,
    LearnedAsk,
    OptionFinished,
    WithProbability,
)
from gym_llmteacher.advising.conditions import Moment

RESULTS = Path(__file__).parent / "results"
TASKS = ("SimpleDoorKey", "KeyInBox", "RandomBoxKey", "ColoredDoorKey", "MovingObstacle")
PLANNER = "script:door_key_planner"
RULES = ("always", "option ends", "every 5", "random 0.2", "once, at reset", "never", "learned")


class Never(Condition):
    """Stands still."""

    def holds(self, moment: Moment) -> bool:
        return False


def make(task: str) -> gym.Env:
    return AskingWrapper(gym.make(f"LLMTeacher/{task}-v0"), PLANNER, noop_action=6)


def learn(task: str, frames: int, seed: int, curve: Asks) -> PPO:
    """Plain PPO; its settings were chosen on seed 100 of SimpleDoorKey and ColoredDoorKey."""
    env = make_vec_env(lambda: make(task), 8, seed=seed)
    model = PPO(
        "MultiInputPolicy",
        env,
        learning_rate=1e-3,
        n_steps=128,
        batch_size=256,
        n_epochs=6,
        ent_coef=0.01,
        gamma=0.95,
        policy_kwargs={"features_extractor_class": ChangeFeatures, "net_arch": [32]},
        seed=seed,
        device="cpu",
    )
    return model.learn(frames, callback=curve)


class Asks(BaseCallback):
    """Episodes of the training as they end: frames, success, steps, asks, redundant ones."""

    def __init__(self) -> None:
        super().__init__()
        self.episodes: list[tuple[float, ...]] = []

    def _on_step(self) -> bool:
        for done, info in zip(self.locals["dones"], self.locals["infos"], strict=True):
            if done:
                self.episodes.append((self.num_timesteps, info["is_success"], info["episode"]["l"],
                                      info["asks"], info["redundant_asks"]))  # fmt: skip
        return True

    def means(self, parts: int = 20) -> list[list[float]]:
        """Means of as many stretches of the training, an episode in the one in which it ended."""
        rows = np.array(self.episodes, dtype=float)
        part = np.minimum((rows[:, 0] * parts / self.num_timesteps).astype(int), parts - 1)
        return [
            rows[part == i].mean(axis=0).round(3).tolist()
            for i in range(parts)
            if (part == i).any()
        ]


def rule(name: str, seed: int, model: PPO) -> Condition:
    return {
        "always": lambda: EveryNSteps(1),
        "option ends": OptionFinished,
        "every 5": lambda: EveryNSteps(5),
        "random 0.2": lambda: AtReset() | WithProbability(0.2, seed),
        "once, at reset": AtReset,
        "never": Never,
        "learned": lambda: LearnedAsk(model),
    }[name]()


def play(task: str, ask: Condition, episodes: int) -> dict[str, float]:
    """Means over episodes, seeded 10,000, 10,001, ..."""
    env, rows = make(task), []
    for episode in range(episodes):
        env.reset(seed=10_000 + episode)
        total, steps, over, info = 0.0, 0, False, {}
        while not over:
            _, reward, terminated, truncated, info = env.step(int(ask.holds(env.moment())))
            total, steps, over = total + float(reward), steps + 1, terminated or truncated
        rows.append((info["is_success"], total, steps, info["asks"], info["redundant_asks"]))
    names = ("success", "return", "steps", "asks", "redundant")
    return dict(zip(names, np.mean(np.array(rows, dtype=float), axis=0).tolist(), strict=True))


def run(task: str, frames: int, seed: int, episodes: int) -> list[dict[str, Any]]:
    set_random_seed(seed)
    curve = Asks()
    model = learn(task, frames, seed, curve)
    same = {"task": task, "seed": seed, "frames": frames, "episodes": episodes}
    lines = [
        {**same, "rule": name, **play(task, rule(name, seed, model), episodes)} for name in RULES
    ]
    return [*lines[:-1], {**lines[-1], "curve": curve.means()}]


def main(frames: int = 60_000, seeds: int = 5, tasks: tuple[str, ...] = TASKS) -> None:
    path = RESULTS / "asking.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["task"], line["seed"]) for line in lines}
    for seed in range(seeds):
        for task in tasks:
            if (task, seed) in done:
                continue
            new = run(task, frames, seed, 100)
            lines += new
            with path.open("a") as file:
                file.writelines(json.dumps(line) + "\n" for line in new)
            print(task, seed, *[(n["rule"], n["success"], n["asks"]) for n in new], flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    if given == ["report"]:
        from benchmarks.asking_report import report

        sys.exit(report())
    main(*(int(text) for text in given[:2]), *([tuple(given[2:])] if given[2:] else []))
