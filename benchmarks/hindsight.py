"""Frames that students with hindsight need, with a teacher and without.

Six students on tasks whose goals differ from episode to episode: DQN, DQN with SB3's
``HerReplayBuffer``, both taught, `TeacherSAC` with it, and `TeacherPPO`; all see what
`MissionGoals` makes of the env, and its rewards of -1 per step. Frames until 80 % of the last 100
training episodes have succeeded, exploration included; a training goes on for 4,000 frames after
that, and ends in any case after 40,000. Then 100 episodes (DQN greedy, the others sampled)::

    python -m benchmarks.hindsight --task taxi --seeds 0 1 2 --out benchmarks/results/hindsight
    python -m benchmarks.hindsight --out benchmarks/results/hindsight --table
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import minigrid  # noqa: F401  (its envs are made by name)
import numpy as np
import torch as th
from stable_baselines3 import DQN, HerReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.marks import write_between_marks
from gym_llmteacher import LLMTeacherWrapper, MissionGoals, TeacherDQN, TeacherPPO, TeacherSAC

BAR, WINDOW, MORE = 0.8, 100, 4_000
PAGE = Path(__file__).parent.parent / "docs" / "results.md"


class Task(NamedTuple):
    """An env, the script that teaches it, and for how long."""

    env: str
    script: str
    frames: int
    limit: int


TASKS = {
    "taxi": Task("Taxi-v4", "taxi_planner", 40_000, 100),
    "goto_obj": Task("BabyAI-GoToObj-v0", "mission_planner", 40_000, 64),
    "goto_local": Task("BabyAI-GoToLocal-v0", "mission_planner", 40_000, 64),
}
STUDENTS = ("dqn", "dqn_her", "teacher_dqn", "teacher_dqn_her", "teacher_sac_her", "teacher_ppo")
NETWORK = {"net_arch": [128, 128]}
Q_LEARNING = {
    "learning_rate": 5e-4, "gamma": 0.95, "batch_size": 128, "buffer_size": 60_000,
    "learning_starts": 1_000, "train_freq": 4, "gradient_steps": 4, "target_update_interval": 500,
    "exploration_fraction": 0.3,
}  # fmt: skip
ONLY_DQN = ("target_update_interval", "exploration_fraction")
ROLLOUTS = {"learning_rate": 5e-4, "gamma": 0.95, "n_steps": 128, "batch_size": 128, "n_epochs": 8}


def make_env(task: Task, taught: bool) -> Any:
    def wrap(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        if taught:
            env = LLMTeacherWrapper(env, {"script": task.script})
        return MissionGoals(env)

    return wrap


def make_student(student: str, task: Task, seed: int) -> Any:
    taught = student.startswith("teacher")
    env = make_vec_env(
        task.env, 4, seed=1_000 * (seed + 1), wrapper_class=make_env(task, taught),
        env_kwargs={"max_episode_steps": task.limit},
    )  # fmt: skip
    common = {"policy_kwargs": NETWORK, "seed": seed, "device": "cpu"}
    if student == "teacher_ppo":
        return TeacherPPO("MultiInputPolicy", env, **ROLLOUTS, **common)
    if student == "teacher_sac_her":
        sac = {key: value for key, value in Q_LEARNING.items() if key not in ONLY_DQN}
        return TeacherSAC(
            "MultiInputPolicy", env, replay_buffer_class=HerReplayBuffer, **sac, **common
        )
    more: dict[str, Any] = (
        {"replay_buffer_class": HerReplayBuffer} if student.endswith("_her") else {}
    )
    cls = TeacherDQN if taught else DQN
    return cls("MultiInputPolicy", env, **Q_LEARNING, **more, **common)


class Watch(BaseCallback):
    """Note when the bar is passed."""

    def __init__(self) -> None:
        super().__init__()
        self.last: deque[bool] = deque(maxlen=WINDOW)
        self.passed: int | None = None
        self.curve: list[tuple[int, float]] = []

    def _on_step(self) -> bool:
        for info, done in zip(self.locals["infos"], self.locals["dones"], strict=True):
            if done:
                self.last.append(bool(info["is_success"]))
        share = float(np.mean(self.last)) if len(self.last) == WINDOW else 0.0
        if self.passed is None and share >= BAR:
            self.passed = self.num_timesteps
        if self.num_timesteps % 2_000 == 0:
            self.curve.append((self.num_timesteps, round(share, 3)))
        return self.passed is None or self.num_timesteps < self.passed + MORE


def success(model: Any, task: Task, episodes: int = 100) -> float:
    """Share of episodes on levels not seen in training."""
    env = make_vec_env(
        task.env, 10, seed=10**6, wrapper_class=make_env(task, False),
        env_kwargs={"max_episode_steps": task.limit},
    )  # fmt: skip
    obs, solved = env.reset(), []
    while len(solved) < episodes:
        actions, _ = model.predict(obs, deterministic=isinstance(model, DQN))
        obs, _, dones, infos = env.step(actions)
        solved += [info["is_success"] for info, done in zip(infos, dones, strict=True) if done]
    return float(np.mean(solved[:episodes]))


def run(student: str, name: str, seed: int) -> dict[str, Any]:
    task = TASKS[name]
    model, watch, start = make_student(student, task, seed), Watch(), time.process_time()
    model.learn(task.frames, callback=watch)
    seconds = time.process_time() - start
    return {
        "task": name, "student": student, "seed": seed, "frames": task.frames,
        "passed": watch.passed, "success": success(model, task), "curve": watch.curve,
        "cpu_seconds": round(seconds, 1),
    }  # fmt: skip


def table(folder: Path) -> str:
    """A row per task and student; medians, and the range of the seeds."""
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    rows = [
        "| task | student | frames to 80 % (each seed) | success afterwards | CPU-s per run |",
        "|---|---|---|---|---|",
    ]
    for name in TASKS:
        for student in STUDENTS:
            mine = [r for r in runs if (r["task"], r["student"]) == (name, student)]
            if not mine:
                continue
            never = f"> {mine[0]['frames']:,}"
            passed = ", ".join(f"{r['passed']:,}" if r["passed"] else never for r in mine)
            solved = ", ".join(f"{r['success']:.2f}" for r in mine)
            seconds = np.mean([r["cpu_seconds"] for r in mine])
            rows.append(f"| {name} | {student} | {passed} | {solved} | {seconds:.0f} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, nargs="*", default=list(TASKS))
    parser.add_argument("--students", choices=STUDENTS, nargs="*", default=list(STUDENTS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", action="store_true", help="write the table of what is there")
    args = parser.parse_args()
    th.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    jobs = [] if args.table else [
        (student, name, seed)
        for seed in args.seeds for name in args.task for student in args.students
    ]  # fmt: skip
    for student, name, seed in jobs:
        path = args.out / f"{name}-{student}-{seed}.json"
        if not path.exists():
            path.write_text(json.dumps(run(student, name, seed)) + "\n")
            print(path.read_text()[:150], flush=True)
    print(table(args.out))
    if args.table:
        write_between_marks(PAGE, "benchmarks/hindsight.py", table(args.out) + "\n")


if __name__ == "__main__":
    main()
