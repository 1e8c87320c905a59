"""When to ask, learned (When2Ask) and by rule: asks, redundant ones, success, return.

Run: ``python -m benchmarks.asking [frames] [seeds] [tasks ...]``; lines of what is done are kept in
``benchmarks/results/asking.jsonl``, the table is written to ``benchmarks/results/asking.md``.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
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

RESULTS = Path(__file__).parent / "results"
TASKS = ("SimpleDoorKey", "KeyInBox", "RandomBoxKey", "ColoredDoorKey", "MovingObstacle")
PLANNER = "script:door_key_planner"
RULES = ("always", "option ends", "every 5", "random 0.2", "once, at reset", "learned")


def make(task: str) -> gym.Env:
    return AskingWrapper(gym.make(f"LLMTeacher/{task}-v0"), PLANNER, noop_action=6)


def learn(task: str, frames: int, seed: int) -> PPO:
    """Plain PPO; its settings were chosen on seed 100 of SimpleDoorKey."""
    env = make_vec_env(lambda: make(task), 8, seed=seed)
    model = PPO(
        "MultiInputPolicy",
        env,
        learning_rate=1e-3,
        n_steps=256,
        batch_size=256,
        n_epochs=6,
        ent_coef=0.01,
        gamma=0.99,
        policy_kwargs={"features_extractor_class": ChangeFeatures, "net_arch": [32]},
        seed=seed,
        device="cpu",
    )
    return model.learn(frames)


def rule(name: str, seed: int, model: PPO) -> Condition:
    return {
        "always": lambda: EveryNSteps(1),
        "option ends": OptionFinished,
        "every 5": lambda: EveryNSteps(5),
        "random 0.2": lambda: AtReset() | WithProbability(0.2, seed),
        "once, at reset": AtReset,
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
    model = learn(task, frames, seed)
    same = {"task": task, "seed": seed, "frames": frames, "episodes": episodes}
    return [
        {**same, "rule": name, **play(task, rule(name, seed, model), episodes)} for name in RULES
    ]


def table(lines: list[dict[str, Any]]) -> str:
    """One row for each task and rule; means over seeds, and the range of the success."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[line["task"], line["rule"]].append(line)
    rows = ["| task | asks | success % (lowest) | return | steps | questions | redundant | seeds |",
            "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for (task, name), group in groups.items():
        mean = {
            k: np.mean([line[k] for line in group]) for k in group[0] if k not in ("task", "rule")
        }
        lowest = min(line["success"] for line in group)
        rows.append(
            f"| {task} | {name} | {100 * mean['success']:.0f} ({100 * lowest:.0f}) "
            f"| {mean['return']:.2f} | {mean['steps']:.1f} | {mean['asks']:.1f} "
            f"| {mean['redundant']:.1f} | {len(group)} |"
        )
    return "\n".join(rows) + "\n"


def main(frames: int = 40_000, seeds: int = 3, tasks: tuple[str, ...] = TASKS) -> None:
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
            (RESULTS / "asking.md").write_text(table(lines))
            print(table(new), flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*(int(text) for text in given[:2]), *([tuple(given[2:])] if given[2:] else []))
