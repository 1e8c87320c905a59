"""One student, several BabyAI levels: frames until it solves each, by what it is trained in.

Run: ``python -m benchmarks.curricula [seeds] [frames]``; lines of what is done are kept in
``benchmarks/results/curricula.jsonl``, the table is written to ``benchmarks/results/curricula.md``.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import minigrid  # noqa: F401  (registers BabyAI's levels)
import numpy as np
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    Curriculum,
    CurriculumCallback,
    EgoMapFeatures,
    Gap,
    LLMTeacherWrapper,
    LLMWriter,
    MapMemory,
    RandomWriter,
    TeacherPPO,
    Writer,
)
from gym_llmteacher.curriculum.space import key_of
from gym_llmteacher.testing import FakeLLMServer

RESULTS = Path(__file__).parent / "results"
LEVELS = ("BabyAI-GoToObj-v0", "BabyAI-GoToLocal-v0", "BabyAI-PickupLoc-v0",
          "BabyAI-PutNextLocalS5N3-v0")  # fmt: skip
ORIGINALS = [{"level": name} for name in LEVELS]
SPACE = {"level": {"enum": list(LEVELS)}}
EVERY = 8_192


class Originals(Writer):
    """Uniform over the levels: no curriculum."""

    def propose(self, report: Any, space: Any, n: int, rng: Any) -> list[dict[str, Any]]:
        return []


class Nonsense(Writer):
    """Levels that do not exist, and the easiest one over and over."""

    def propose(self, report: Any, space: Any, n: int, rng: Any) -> list[dict[str, Any]]:
        return [{"level": "rm -rf"}, {"level": 3}, {"level": LEVELS[0]}]


def make(level: str) -> gym.Env:
    return LLMTeacherWrapper(MapMemory(gym.make(level), radius=8), "script:mission_planner")


def run(arm: str, seed: int, frames: int) -> dict[str, Any]:
    with FakeLLMServer(json.dumps([{"level": LEVELS[-1]}, {"level": LEVELS[-2]}])) as server:
        writer: Writer = {
            "uniform": Originals,
            "gap": lambda: Gap(lambda one: 1.0, ORIGINALS),
            "programmed server": lambda: LLMWriter(server.model, answers=":memory:"),
            "random": RandomWriter,
            "nonsense": Nonsense,
        }[arm]()
        curriculum = Curriculum(make, SPACE, writer, original=ORIGINALS, n=2, seed=seed)
        model = TeacherPPO(
            "MlpPolicy",
            make_vec_env(curriculum.make, 8, seed=seed),
            learning_rate=1e-3,
            n_steps=128,
            batch_size=128,
            n_epochs=6,
            ent_coef=0.001,
            policy_kwargs={"features_extractor_class": EgoMapFeatures, "net_arch": [64]},
            seed=seed,
            device="cpu",
            teacher_eval_episodes=0,
        )
        callback = CurriculumCallback(curriculum, every=EVERY, episodes=80)
        model.learn(frames, callback=callback)
    curve = []
    for line in curriculum.history:
        rates = {name: line["skills"].get(key_of({"level": name}), [0.0])[0] for name in LEVELS}
        curve.append([line["cycle"] * EVERY, *rates.values()])
    reached = next((row[0] for row in curve if min(row[1:]) >= 0.8), None)
    kept = [line["kept"] for line in curriculum.history]
    return {"arm": arm, "seed": seed, "frames": frames, "to_80": reached, "curve": curve,
            "dropped": kept.count(False)}  # fmt: skip


def table(lines: list[dict[str, Any]]) -> str:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[line["arm"]].append(line)
    names = " | ".join(name.removeprefix("BabyAI-").removesuffix("-v0") for name in LEVELS)
    rows = [f"| trained in | frames to 80 % on each | {names} | mixes dropped | seeds |",
            "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for arm, group in groups.items():
        reached = ", ".join(f"{g['to_80'] / 1000:.0f}k" if g["to_80"] else "-" for g in group)
        last = np.mean([g["curve"][-1][1:] for g in group], axis=0)
        shares = " | ".join(f"{100 * share:.0f} %" for share in last)
        dropped = sum(g["dropped"] for g in group)
        rows.append(f"| {arm} | {reached} | {shares} | {dropped} | {len(group)} |")
    return "\n".join(rows) + "\n"


def main(seeds: int = 1, frames: int = 98_304) -> None:
    path = RESULTS / "curricula.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["arm"], line["seed"]) for line in lines}
    for seed in range(seeds):
        for arm in ("uniform", "gap", "programmed server", "nonsense", "random"):
            if (arm, seed) in done:
                continue
            lines.append(run(arm, seed, frames))
            with path.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
            (RESULTS / "curricula.md").write_text(table(lines))
            print(table(lines[-1:]), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
