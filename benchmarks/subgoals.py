"""Subgoals (Words as Beacons) for plain PPO and for TeacherPPO: frames until 80 % success.

Run: ``python -m benchmarks.subgoals [seeds] [level] [arms ...]``, then ``python -m
benchmarks.subgoals report``. Lines of what is done are kept in
``benchmarks/results/subgoals.jsonl``; the report writes ``subgoals.md`` and ``subgoals.png`` beside
it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import minigrid  # noqa: F401  (registers MiniGrid's envs)
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    EgoMapFeatures,
    LLM4Teach,
    LLMTeacherWrapper,
    MapMemory,
    ScriptedTeacher,
    Situation,
    SubgoalFeatures,
    SubgoalWrapper,
    TeacherPPO,
    play,
)
from gym_llmteacher.wrappers.success import SuccessInfo

RESULTS = Path(__file__).parent / "results"
LEVELS = {
    "MiniGrid-MultiRoom-N2-S4-v0": (40_960, 40_960, 2_048),
    "MiniGrid-KeyCorridorS3R3-v0": (49_152, 602_112, 6_144),
    "MiniGrid-MultiRoom-N4-S5-v0": (49_152, 405_504, 6_144),
    "MiniGrid-ObstructedMaze-1Dlh-v0": (49_152, 405_504, 6_144),
}
"""Frames of each with a prior, frames without one, and frames between two looks.

From the first of them on there are four times as many between two looks.
"""
ACCURACY = {
    "MiniGrid-MultiRoom-N2-S4-v0": 0.930,
    "MiniGrid-KeyCorridorS3R3-v0": 0.985,
    "MiniGrid-MultiRoom-N4-S5-v0": 0.548,
    "MiniGrid-ObstructedMaze-1Dlh-v0": 0.989,
}
"""Of Llama, as the paper measured it."""
ARMS: dict[str, dict[str, Any]] = {
    "subgoals": {"subgoals": {}},
    "ppo": {},
    "subgoals, paper's accuracy": {"subgoals": {}, "accurate": False},
    "subgoals, paper's bonus": {"subgoals": {"bonus": "paper"}},
    "subgoals, potential": {"subgoals": {"bonus": "potential"}},
    "subgoals, no bonus": {"subgoals": {"bonus": "none"}},
    "subgoals, look": {"subgoals": {"encoding": "look"}},
    "subgoals, words": {"subgoals": {"encoding": "words"}},
    "subgoals, dropout 0.3": {"subgoals": {"dropout": 0.3}},
    "TeacherPPO": {"taught": True},
    "both": {"taught": True, "subgoals": {}},
}


class Errs(ScriptedTeacher):
    """A planner that names another option instead, each time anew, as often as the paper's model.

    `SimulatedTeacher` repeats its mistakes, text by text: with two texts in a level, it is always
    right or hardly ever.
    """

    def __init__(self, accuracy: float, seed: int) -> None:
        planner, rng = (
            ScriptedTeacher.named("mission_planner").function,
            np.random.default_rng(seed),
        )

        def plan(situation: Situation) -> Any:
            right = planner(situation)
            wrong = [option for option in situation.options if option not in right]
            if not wrong or rng.random() < accuracy:
                return right
            return (wrong[int(rng.integers(len(wrong)))],)

        super().__init__(plan)


def teacher(level: str, arm: dict[str, Any], seed: int) -> Any:
    if arm.get("accurate", True):
        return ScriptedTeacher.named("mission_planner")
    return Errs(ACCURACY[level], seed)


def make(level: str, name: str, seed: int, **changed: Any) -> gym.Env:
    arm = ARMS[name]
    env: gym.Env = SuccessInfo(MapMemory(gym.make(level), radius=8))
    if arm.get("taught"):
        env = LLMTeacherWrapper(env, teacher(level, arm, seed))
    if "subgoals" in arm:
        env = SubgoalWrapper(env, teacher(level, arm, seed), **{**arm["subgoals"], **changed})
    return env


def student(level: str, name: str, seed: int) -> PPO:
    """The same PPO for all, as in the other comparisons."""
    arm = ARMS[name]
    led = "subgoals" in arm
    features = SubgoalFeatures if led else EgoMapFeatures
    frames, taught = LEVELS[level][0], bool(arm.get("taught"))
    more: dict[str, Any] = {"teacher_eval_episodes": 0} if taught else {}
    if taught:
        # As it is by default; said here because `run` learns piece by piece.
        more["teacher_coef"] = LLM4Teach(3.0, 0.1, int(0.4 * frames), int(0.7 * frames))
    return (TeacherPPO if taught else PPO)(
        "MultiInputPolicy" if led else "MlpPolicy",
        make_vec_env(lambda: make(level, name, seed), 8, seed=seed),
        learning_rate=1e-3,
        n_steps=128,
        batch_size=128,
        n_epochs=8,
        gamma=0.99,
        ent_coef=0.001,
        policy_kwargs={"features_extractor_class": features, "net_arch": [64]},
        seed=seed,
        device="cpu",
        **more,
    )


def success(level: str, name: str, model: PPO, **changed: Any) -> float:
    """In 40 episodes of its own; bonuses and priors do not count."""
    record = play(lambda: make(level, name, 0, **changed), model, 40, seed=10_000)
    return float(record.success)


def run(level: str, name: str, seed: int) -> dict[str, Any]:
    """Train and look; without a prior, stop when two looks in a row are at 90 %."""
    model, (short, long, every) = student(level, name, seed), LEVELS[level]
    taught = ARMS[name].get("taught", False)
    frames = short if taught else long
    model.learn(0)
    curve: list[tuple[int, float]] = []
    while model.num_timesteps < frames:
        more = every if model.num_timesteps < short else 4 * every
        model.learn(more, reset_num_timesteps=False)
        curve.append((model.num_timesteps, success(level, name, model)))
        if not taught and len(curve) > 1 and min(curve[-1][1], curve[-2][1]) >= 0.9:
            break  # with a prior, what is left when it has faded is looked at as well
    to_80 = next((at for at, share in curve if share >= 0.8), None)
    line = {"level": level, "arm": name, "seed": seed, "to_80": to_80, "last": curve[-1][1]}
    if "subgoals" in ARMS[name]:
        line["without"] = success(level, name, model, dropout=1.0)
    return {**line, "frames": model.num_timesteps, "curve": curve}


def main(seeds: int = 1, level: str = next(iter(LEVELS)), arms: tuple[str, ...] = ()) -> None:
    path = RESULTS / "subgoals.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["level"], line["arm"], line["seed"]) for line in lines}
    for seed in range(seeds):
        for arm in arms or ARMS:
            if (level, arm, seed) not in done:
                line = run(level, arm, seed)
                with path.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print({k: v for k, v in line.items() if k != "curve"}, flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    if given == ["report"]:
        from benchmarks.subgoals_report import report

        sys.exit(report())
    main(*map(int, given[:1]), *given[1:2], *([tuple(given[2:])] if given[2:] else []))
