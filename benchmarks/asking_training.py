"""What a learned condition saves inside a training of `TeacherPPO`.

Run: ``python -m benchmarks.asking_training [seeds] [tasks ...]``, then ``python -m
benchmarks.asking report``. Lines of what is done are kept in
``benchmarks/results/asking_training.jsonl``. Every observation that the condition lets through is
a question: no answers file, as with a teacher whose answers depend on more than the text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.asking import PLANNER, RESULTS, Asks, learn
from gym_llmteacher import (
    Condition,
    LearnedAsk,
    LLM4Teach,
    LLMTeacherWrapper,
    OptionFinished,
    TeacherPPO,
    play,
)
from gym_llmteacher.experiments.config import ppo_arguments

TASKS = ("SimpleDoorKey", "KeyInBox")
FRAMES, EVERY, EPISODES = 30_000, 2_048, 50


def train(task: str, ask: Condition | None, seed: int) -> dict[str, Any]:
    """Train until two looks in a row are at 90 %, and count the questions on the way."""
    name = f"LLMTeacher/{task}-v0"
    env = make_vec_env(lambda: LLMTeacherWrapper(gym.make(name), PLANNER, ask=ask), 8, seed=seed)
    model = TeacherPPO(
        env=env,
        **{**ppo_arguments(map_like=True), "learning_rate": 1e-3},
        seed=seed,
        device="cpu",
        teacher_eval_episodes=0,
        # As it is by default; said here because it learns piece by piece.
        teacher_coef=LLM4Teach(3.0, 0.1, int(0.4 * FRAMES), int(0.7 * FRAMES)),
    )
    curve: list[tuple[int, float]] = []
    while model.num_timesteps < FRAMES and not (
        len(curve) > 1 and min(curve[-1][1], curve[-2][1]) >= 0.9
    ):
        model.learn(EVERY, reset_num_timesteps=model.num_timesteps == 0)
        record = play(lambda: gym.make(name), model, EPISODES, seed=10_000)
        curve.append((model.num_timesteps, float(record.success)))
    saved = 0 if ask is None else sum(part.saved for part in ask.parts())
    reached = next((frames for frames, share in curve if share >= 0.9), None)
    frames = model.num_timesteps
    return {"to_90": reached, "frames": frames, "questions": frames - saved, "curve": curve}


def main(seeds: int = 3, tasks: tuple[str, ...] = TASKS) -> None:
    path = RESULTS / "asking_training.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["task"], line["seed"]) for line in lines}
    for seed in range(seeds):
        for task in tasks:
            if (task, seed) in done:
                continue
            asker = learn(task, 60_000, seed, Asks())
            for name, ask in (("always", None), ("option ends", OptionFinished()),
                              ("learned", LearnedAsk(asker))):  # fmt: skip
                line = {"task": task, "seed": seed, "ask": name, **train(task, ask, seed)}
                with Path(path).open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(line, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *([tuple(sys.argv[2:])] if sys.argv[2:] else []))
