"""A student that can do the task already is given a teacher that is 70 % right: gate or no gate.

A student of the planner learns the task, to 90 % and more. Copies of it go on, taught by a teacher
that is wrong at 30 % of the texts (which ones depends on the seed): as it is, and with
``teacher_gates="teacher_better"`` and the record of 40 episodes of its own::

    OMP_NUM_THREADS=1 python -m benchmarks.competent [FrozenLake8x8-v1 LavaDoorKey ...]
"""

from __future__ import annotations

import sys
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.run import ALL_TASKS
from benchmarks.tasks import Task
from gym_llmteacher import (
    Experience,
    LLMTeacherWrapper,
    RecordedTeacher,
    SimulatedTeacher,
    Teacher,
    TeacherPPO,
    play,
)
from gym_llmteacher.experiments.evaluate import Evaluation

FRAMES = {"FrozenLake8x8-v1": (12_000, 8_000), "LavaDoorKey": (20_000, 8_000)}
"""Of the planner, and then of the other teacher."""
SEEDS = range(5)
RECORDED, EPISODES = 40, 100
GATES: dict[str, tuple[str, ...]] = {"no gate": (), "with the gate": ("teacher_better",)}


def student(task: Task, teacher: Teacher, seed: int, coef: float | None, **more: Any) -> TeacherPPO:
    """A student in eight envs."""

    def make() -> gym.Env:
        return LLMTeacherWrapper(task.make(), teacher, task.grounding())

    env = make_vec_env(make, 8, seed=seed)
    arguments = {**task.ppo, "teacher_eval_episodes": 0, **more}
    return TeacherPPO(env=env, teacher_coef=coef, seed=seed, device="cpu", **arguments)


def solved(task: Task, model: TeacherPPO) -> float:
    """Success of 100 episodes, in percent; actions are drawn."""
    return 100 * Evaluation.of(play(task.make, model, EPISODES, seed=90_000)).success


def one_seed(task: Task, seed: int, first: TeacherPPO, before: float) -> list[float]:
    """Success after, in each arm."""
    weak = SimulatedTeacher(task.expert(), 0.7, seed)
    record = play(
        lambda: LLMTeacherWrapper(task.make(), weak, task.grounding()), "teacher", RECORDED,
        seed=80_000, texts=True,
    )  # fmt: skip
    alone = 100 * Evaluation.of(record).success
    recorded = RecordedTeacher(weak, Experience().add(record))
    results = []
    for gates in GATES.values():
        model = student(task, recorded, seed, 1.0, learning_rate=3e-4, teacher_gates=gates)
        model.set_parameters(first.get_parameters())
        results.append(solved(task, model.learn(FRAMES[task.name][1])))
    cells = " | ".join(f"{value:.0f}" for value in (alone, before, *results))
    print(f"| {task.name} | {seed} | {cells} |", flush=True)
    return results


def one_task(task: Task) -> None:
    """All rows of one task."""
    first = student(task, task.expert(), 100, None).learn(FRAMES[task.name][0])
    before = solved(task, first)
    after = zip(*[one_seed(task, seed, first, before) for seed in SEEDS], strict=True)
    rng = np.random.default_rng(0)
    cells = []
    for values in after:
        loss = before - np.array(values)
        means = [rng.choice(loss, len(loss)).mean() for _ in range(2000)]
        low, high = np.percentile(means, [2.5, 97.5])
        cells.append(f"{loss.mean():.1f} ({low:.1f} to {high:.1f})")
    print(f"| {task.name}, points lost, mean (95 %) | | | | {' | '.join(cells)} |", flush=True)


def main() -> None:
    print(f"| task | seed | teacher alone, % | student before, % | {' | '.join(GATES)} |")
    print("|---|---|---|---|---|---|")
    for name in sys.argv[1:] or FRAMES:
        one_task(ALL_TASKS[name])


if __name__ == "__main__":
    main()
