"""Where the time of a training goes: env, grounding and teacher, policy, update, the rest.

Plain PPO and TeacherPPO take turns in one process; the teacher is the embedded language model with
a warm answers file, asked in every rollout. Shares of the CPU time of `learn`::

    OMP_NUM_THREADS=1 python -m benchmarks.shares [task ...]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from gym_llmteacher.envs import env_id
from gym_llmteacher.experiments.config import ComparisonConfig, Teaching
from gym_llmteacher.experiments.student import make_student

FRAMES = 8 * 128 * 4
"""Frames per turn: four rollouts of eight envs."""
TURNS = 4
PARTS = ("env", "grounding and teacher", "policy", "update", "rest")


class Clock:
    """Sums the CPU seconds spent in functions."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Replace ``owner.name`` by a function that does the same and is timed."""
        function: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            since = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[part] += time.process_time() - since

        setattr(owner, name, timed)


def measure(task: str) -> list[str]:
    """Two rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        config = ComparisonConfig(env=env_id(task), teaching=Teaching(1.0), out=folder)
        models = {arm: make_student(config, arm, seed=0) for arm in config.arms}
        clocks = {arm: Clock() for arm in models}
        for arm, model in models.items():
            model.learn(FRAMES)  # warm: answers file filled, memory allocated
            env = model.get_env()
            for inner in env.envs:
                clocks[arm].watch(inner.unwrapped, "step", "env")
                clocks[arm].watch(inner.unwrapped, "reset", "env")
            clocks[arm].watch(env, "step", "steps")
            clocks[arm].watch(model.policy, "forward", "policy")
            clocks[arm].watch(model, "train", "update")
            clocks[arm].watch(model, "learn", "all")
        for _ in range(TURNS):
            for model in models.values():
                model.learn(FRAMES, reset_num_timesteps=False)
    return [row(task, arm, clocks[arm].seconds) for arm in models]


def row(task: str, arm: str, seconds: dict[str, float]) -> str:
    parts = {name: seconds[name] for name in ("env", "policy", "update")}
    # What a step takes beyond the env itself; without a teacher that is wrappers and copies.
    beyond = seconds["steps"] - seconds["env"]
    parts["grounding and teacher" if arm == "teacher" else "rest"] = beyond
    parts["rest"] = seconds["all"] - sum(v for k, v in parts.items() if k != "rest")
    shares = [f"{100 * parts.get(name, 0.0) / seconds['all']:.0f} %" for name in PARTS]
    name = {"teacher": "TeacherPPO", "ppo": "plain PPO"}[arm]
    speed = TURNS * FRAMES / seconds["all"]
    return f"| {task} | {name} | {speed:,.0f} | {' | '.join(shares)} |"


def main() -> None:
    print(f"| task | student | frames/cpu-s | {' | '.join(PARTS)} |")
    print("|---|---|---" + "|---" * len(PARTS) + "|")
    for task in sys.argv[1:] or ("SimpleDoorKey", "ColoredDoorKey"):
        for line in measure(task):
            print(line, flush=True)


if __name__ == "__main__":
    main()
