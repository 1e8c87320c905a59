"""Teachers by themselves, before and after they practise: a Markdown table.

Tuned on seeds 100 to 102; reported are 0 to 4::

    OMP_NUM_THREADS=1 python -m benchmarks.practice [task:accuracy ...]
"""

from __future__ import annotations

import sys
from statistics import mean

import gymnasium as gym

from benchmarks.arms import nonsense
from benchmarks.tasks import TASKS, Task
from gym_llmteacher import LLMTeacherWrapper, ScriptedTeacher, SimulatedTeacher, Teacher, play
from gym_llmteacher.experiments.evaluate import Evaluation
from gym_llmteacher.practice.practise import practise

SEEDS = range(5)
STEPS, LEVEL_STEPS, EPISODES, FIRST = 10_000, 20_000, 100, 90_000
ROWS = (
    "LavaDoorKey:0.7", "LavaDoorKey:0.5", "LavaDoorKey:0.3", "LavaDoorKey:0.0",
    "LavaDoorKey:nonsense", "ColoredDoorKey:0.7", "ColoredDoorKey:0.5", "ColoredDoorKey:nonsense",
    "MiniGrid-DoorKey-8x8-v0:0.7", "MiniGrid-UnlockPickup-v0:0.7",
    "MiniGrid-KeyCorridorS3R3-v0:0.7", "Taxi:0.5",
)  # fmt: skip


def of_level(env_id: str) -> Task:
    """A level as a task: its own grounding, and the script for it."""
    taxi = env_id.startswith("Taxi")
    if taxi:  # of the Gymnasium that is installed
        env_id = max(name for name in gym.registry if name.startswith("Taxi-v"))
    script = ScriptedTeacher.named("taxi_planner" if taxi else "mission_planner")
    return Task(env_id, lambda: gym.make(env_id), 0, 0, expert=lambda: script)


def alone(task: Task, teacher: Teacher) -> Evaluation:
    """Success and length of episodes that nobody practised on."""

    def make() -> gym.Env:
        return LLMTeacherWrapper(task.make(), teacher, task.grounding())

    return Evaluation.of(play(make, "teacher", EPISODES, seed=FIRST))


def row(name: str) -> str:
    """One line of the table, over all seeds."""
    task_name, kind = name.split(":")
    task = TASKS.get(task_name) or of_level(task_name)
    steps = STEPS if task_name in TASKS else LEVEL_STEPS
    before, after, frames = [], [], []
    for seed in SEEDS:
        teacher = (
            nonsense(task, None, seed)  # type: ignore[arg-type]
            if kind == "nonsense"
            else SimulatedTeacher(task.expert(), float(kind), seed)
        )
        practised = practise(
            teacher,
            task.make,
            steps,
            seed=1000 * seed,
            grounding=task.grounding(),
        )
        before.append(alone(task, teacher))
        after.append(alone(task, practised))
        frames.append(practised.steps)
    shown = [", ".join(f"{100 * e.success:.0f}" for e in all_) for all_ in (before, after)]
    who = kind if kind == "nonsense" else f"{100 * float(kind):.0f} % right"
    length, shortest = mean(e.length for e in after), alone(task, task.expert()).length
    return (
        f"| {task_name}, {who} | {shown[0]} | {shown[1]} | {length:.0f} ({shortest:.0f}) "
        f"| {mean(frames):,.0f} |"
    )


def main() -> None:
    print(
        "| task, teacher | alone, % of 100 episodes (seeds 0 to 4) | after practice "
        "| steps (planner's) | frames |"
    )
    print("|---|---|---|---|---|")
    for name in sys.argv[1:] or ROWS:
        print(row(name), flush=True)


if __name__ == "__main__":
    main()
