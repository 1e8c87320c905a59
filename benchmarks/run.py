"""One run of the comparison: train a student of one arm on one task, and look at it on the way."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from benchmarks.arms import ARMS, Arm, acted_in, make_student, wrap_for
from benchmarks.tasks import TASKS, Task
from benchmarks.tasks_minigrid import MINIGRID_TASKS
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.playing.actors import Actor, StudentActor, TeacherActor
from gym_llmteacher.sb3.telemetry import teacher_totals

ALL_TASKS = {**TASKS, **MINIGRID_TASKS}

SOLVED = 0.9
"""Success at which an arm that goes on until the task is solved stops."""

Row = dict[str, Any]
"""One evaluation, a line of the results."""


def one_run(task_name: str, arm_name: str, seed: int, steps: int | None, folder: str) -> list[Row]:
    """Train and evaluate one student; one dict per evaluation.

    :param steps: the size of a smoke test; ``None``: as long as the task says
    """
    arm, task = ARMS[arm_name], ALL_TASKS[task_name]
    task = replace(task, steps=round(task.steps * arm.longer))
    if arm.long:
        task = replace(task, steps=task.long_steps, eval_every=task.long_steps // 16)
    if steps is not None:
        task = replace(task, steps=steps, eval_every=steps // 2, clone_frames=512, episodes=8)
    return [
        {"task": task_name, "arm": arm_name, **row} for row in evaluations(task, arm, seed, folder)
    ]


def evaluations(task: Task, arm: Arm, seed: int, folder: str) -> list[Row]:
    """Train one student; one dict per evaluation, without the names of task and arm."""
    th.set_num_threads(1)
    wrap = wrap_for(arm, task, Path(folder), seed)
    spent = 0.0
    lines: list[Row] = []

    def look(frames: int, last: bool, actors: Sequence[Actor], calls: int) -> None:
        def make() -> Any:
            return wrap(task.make()) if arm.alone else acted_in(arm, task, task.make())

        # Sampled; at the end also deterministic, and (for students) the bare argmax.
        with th.random.fork_rng():  # a student does not depend on how often it is looked at
            scores = [evaluate(make, actor, task.episodes).success for actor in actors[1:]]
            sampled = evaluate(make, actors[0], task.episodes)
        lines.append({
            "seed": seed, "frames": frames,
            "success": sampled.success, "success_greedy": scores[0] if scores else None,
            "success_argmax": scores[1] if len(scores) > 1 else None,
            "return": round(sampled.reward, 5), "cpu_s": round(spent, 1),
            "llm_calls": calls, "commit": commit(), "last": last,
        })  # fmt: skip

    if arm.alone:
        look(0, True, [TeacherActor(greedy, seed) for greedy in (False, True)], 0)
        return lines
    model = make_student(arm, task, seed, wrap)

    def look_at_student(frames: int, last: bool) -> None:
        actors = [StudentActor(model, False)]
        if last:
            actors += [StudentActor(model, True), argmax_actor(model)]
        calls = int(teacher_totals(model.get_env()).get("calls", 0))
        look(frames, last, actors, calls)

    class Watch(BaseCallback):
        """Counts frames of the env itself (an option takes several), and stops at the limit."""

        frames = getattr(model, "cloned_frames", 0)
        next_look = task.eval_every
        since = time.process_time()

        def _on_training_start(self) -> None:
            self.frames += self.model.num_timesteps  # what the teacher played

        def _on_step(self) -> bool:
            self.frames += sum(info.get("option_steps", 1) for info in self.locals["infos"])
            solved = arm.long and bool(lines) and lines[-1]["success"] >= SOLVED
            return not solved and (self.frames < task.steps or not arm.hierarchical)

        def _on_rollout_end(self) -> None:
            nonlocal spent
            if arm.hierarchical:
                # Steps of PPO are options here: let its learning rate fall with the frames, too.
                self.model._total_timesteps = round(
                    self.num_timesteps * task.steps / max(1, self.frames)
                )
            if self.frames >= self.next_look:
                spent += time.process_time() - self.since
                look_at_student(self.frames, last=False)
                while self.next_look <= self.frames:
                    self.next_look += task.eval_every
                self.since = time.process_time()

    watch = Watch()
    model.learn(task.steps, callback=watch)
    spent += time.process_time() - watch.since
    look_at_student(watch.frames, last=True)
    return lines


def argmax_actor(model: PPO) -> Actor:
    """Act on the most likely action, without memory."""

    def act(obs: Any, infos: Sequence[dict], starts: Any) -> Any:
        return model.predict(obs, deterministic=True)[0]

    return act


def commit() -> str:
    """Short hash of the code that ran."""
    command = ["git", "describe", "--always", "--dirty"]
    here = Path(__file__).parent
    return subprocess.run(
        command, cwd=here, capture_output=True, text=True, check=False
    ).stdout.strip()
