"""The arms of the comparison: who teaches whom, and how.

Every arm is the same PPO with the same encoding and hyperparameters (`ppo_arguments`); what differs
is where advice comes from and what becomes of it. ``ppo-long`` has hyperparameters of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.failure_modes import FaultyGrounding, first_key_planner
from benchmarks.tasks import Task
from gym_llmteacher import (
    Adaptive,
    Advice,
    Grounding,
    LLMTeacher,
    LLMTeacherWrapper,
    ScriptedTeacher,
    SimulatedTeacher,
    Situation,
    Teacher,
    TeacherPPO,
)
from gym_llmteacher.learning.coef import CoefSpec, default_coef
from gym_llmteacher.teachers.decorator import TeacherDecorator
from gym_llmteacher.wrappers.options import OptionsWrapper

Wrap = Callable[[gym.Env], gym.Env]
MakeTeacher = Callable[[Task, Path, int], Teacher]


@dataclass(frozen=True)
class Arm:
    """One way to train a student.

    :param teacher: makes the teacher of a task, given a folder for its answers and the run's seed;
        ``None``: no one
    :param options: further arguments of `TeacherPPO`, given the task
    :param grounding: what the teacher is told and can do
    :param hierarchical: PPO over the same options
    :param clone_first: behaviour cloning, then PPO
    :param long: go on until the task is solved, up to `Task.long_steps`
    :param longer: frames, as a multiple of the task's
    :param alone: no student: the teacher acts
    :param ppo: arguments of PPO that differ from the task's; ``n_steps`` counts decisions
    """

    teacher: MakeTeacher | None = None
    options: Callable[[Task], dict[str, Any]] = lambda task: {}
    grounding: Callable[[Task], Grounding | None] = lambda task: task.grounding()
    hierarchical: bool = False
    clone_first: bool = False
    long: bool = False
    longer: float = 1.0
    alone: bool = False
    ppo: dict[str, Any] = field(default_factory=dict)


class HardTeacher(TeacherDecorator):
    """Follows one plan, drawn anew each time: the paper's hard instructions."""

    def __init__(self, teacher: Teacher, seed: int = 0) -> None:
        super().__init__(teacher)
        self._rng = np.random.default_rng(seed)

    def change(self, situation: Situation, advice: Advice) -> Advice:
        if advice.abstained:
            return advice
        i = self._rng.choice(len(advice.plans), p=[p for _, p in advice.plans])
        return replace(advice, plans=((advice.plans[i][0], 1.0),))


def nonsense(task: Task, folder: Path, seed: int) -> Teacher:
    """An option drawn by text and seed alone: the same text is always told the same nonsense."""

    def plan(situation: Situation) -> tuple[str, ...]:
        digest = hashlib.sha256(f"{seed}\n{situation.text}".encode()).digest()
        return (situation.options[digest[0] % len(situation.options)],)

    return ScriptedTeacher(plan)


def planner(task: Task, folder: Path, seed: int) -> Teacher:
    """The task's scripted teacher."""
    return task.expert()


def embedded(task: Task, folder: Path, seed: int) -> Teacher:
    """The embedded model, asked for the next subgoal."""
    return LLMTeacher(answers=folder / "answers.sqlite")


def letters(task: Task, folder: Path, seed: int) -> Teacher:
    """The embedded model asked once for an option's letter: what it says is mostly position."""
    way = {"name": "logprobs", "subgoals": False, "orders": 1}
    return LLMTeacher(answers=folder / "answers.sqlite", elicitation=way)


def simulated(accuracy: float, soft: bool = False) -> MakeTeacher:
    """Each run's teacher errs in its own places: some tasks have few texts to err at."""
    return lambda task, folder, seed: SimulatedTeacher(task.expert(), accuracy, seed, soft)


def in_options(task: Task) -> CoefSpec:
    """The task's teaching coefficient, its steps counted in options instead of frames."""
    if task.coef is None:
        return default_coef(round(task.steps / task.option_frames))
    return {
        name: value / task.option_frames if name in ("half_life", "cut_steps") else value
        for name, value in task.coef.items()
    }


ARMS: dict[str, Arm] = {
    "ppo": Arm(),
    # Chosen for plain PPO alone, on seed 100 (docs/results.md): longer rollouts, more exploration.
    "ppo-long": Arm(long=True, ppo={"n_steps": 512, "batch_size": 256, "ent_coef": 0.01}),
    "hierarchical": Arm(hierarchical=True),
    "cloning": Arm(planner, clone_first=True),
    "llm": Arm(embedded),
    # Added after reported seeds of "llm" on DivergedDoorKey had been seen; nothing else differs.
    "llm-longer": Arm(embedded, longer=1.5),
    "llm-letters": Arm(letters),
    "llm-letters-hard": Arm(lambda task, folder, seed: HardTeacher(letters(task, folder, seed))),
    "planner": Arm(planner),
    "planner-adaptive": Arm(planner, lambda task: {"teacher_coef": Adaptive()}),
    "planner-constant": Arm(planner, lambda task: {"teacher_coef": 0.3}),
    "simulated-0.9": Arm(simulated(0.9)),
    "simulated-0.7": Arm(simulated(0.7)),
    "simulated-0.5": Arm(simulated(0.5)),
    "simulated-0.3": Arm(simulated(0.3)),
    "soft-0.6": Arm(simulated(0.6, soft=True)),
    "hard-0.6": Arm(
        lambda task, folder, seed: HardTeacher(simulated(0.6, soft=True)(task, folder, seed))
    ),
    # Student and teacher over the same options as "hierarchical".
    "planner-options": Arm(
        planner, lambda task: {"teacher_coef": in_options(task)}, hierarchical=True
    ),
    "llm-options": Arm(
        embedded, lambda task: {"teacher_coef": in_options(task)}, hierarchical=True
    ),
    # Advice of earlier rollouts is taught again, half of it mirrored.
    "planner-replay": Arm(planner, lambda task: task.replay),
    "llm-replay": Arm(embedded, lambda task: task.replay),
    "faulty": Arm(
        lambda task, folder, seed: ScriptedTeacher(first_key_planner),
        grounding=lambda task: FaultyGrounding(),
    ),
    # Followed whatever it earns by itself.
    "faulty-unjudged": Arm(
        lambda task, folder, seed: ScriptedTeacher(first_key_planner),
        lambda task: {"teacher_eval_episodes": 0},
        grounding=lambda task: FaultyGrounding(),
    ),
    "wrong": Arm(simulated(0.0)),
    "random": Arm(nonsense),
}
for _every in (2, 4, 8):  # taught at every step of so many
    for _name, _teacher in (("planner", planner), ("llm", embedded)):
        ARMS[f"{_name}-every-{_every}"] = Arm(
            _teacher, lambda task, every=_every: {"teacher_every": every}
        )
for _name in ("planner", "llm", "llm-letters", "faulty", "simulated-0.5"):
    ARMS[f"{_name}-alone"] = replace(ARMS[_name], alone=True)
for _gate in ("confidence", "advantage", "proximal"):
    for _base in ("simulated-0.5", "wrong", "planner", "random"):
        ARMS[f"{_base}+{_gate}"] = replace(
            ARMS[_base], options=lambda task, gate=_gate: {"teacher_gates": (gate,)}
        )
for _base in ("random", "wrong", "planner", "llm", "llm-letters", "simulated-0.3"):
    ARMS[f"{_base}+eval"] = replace(ARMS[_base], options=lambda task: {"teacher_eval_episodes": 16})
for _base in ("random", "wrong", "simulated-0.5"):
    ARMS[f"{_base}-adaptive"] = replace(
        ARMS[_base], options=lambda task: {"teacher_coef": Adaptive()}
    )


def wrap_for(arm: Arm, task: Task, folder: Path, seed: int) -> Wrap:
    """How an env is wrapped for training."""
    if arm.teacher is None:
        return lambda env: acted_in(arm, task, env)
    teacher = arm.teacher(task, folder, seed)
    if arm.hierarchical:
        return lambda env: LLMTeacherWrapper(acted_in(arm, task, env), teacher=teacher)
    return lambda env: LLMTeacherWrapper(env, teacher=teacher, grounding=arm.grounding(task))


def acted_in(arm: Arm, task: Task, env: gym.Env) -> gym.Env:
    """The env as the student acts in it, without a teacher."""
    if arm.hierarchical:
        return OptionsWrapper(env, task.options, task.grounding(), noop_action=task.noop_action)
    return env


def make_student(arm: Arm, task: Task, seed: int, wrap: Wrap) -> PPO:
    """An untrained student (or one that has cloned the teacher)."""
    arguments = {**task.ppo, "seed": seed, "device": "cpu"}
    if arm.hierarchical:
        arguments |= task.option_ppo | (task.hierarchical_ppo if arm.teacher is None else {})
    arguments |= arm.ppo
    env = make_vec_env(task.make, task.n_envs, seed=seed, wrapper_class=wrap)
    if arm.teacher is None or arm.clone_first:
        model = PPO(env=env, **arguments)
        if arm.clone_first:
            clone(model, task)
        return model
    return TeacherPPO(env=env, **arguments | {"teacher_coef": task.coef} | arm.options(task))


def clone(model: PPO, task: Task, epochs: int = 5) -> None:
    """Behaviour cloning: cross-entropy on what the teacher does in its own episodes.

    Its frames are counted as the student's. (The library ``imitation`` 1.0.1 needs Gymnasium 0.29
    and Stable-Baselines3 2.2; this is the same loss.)
    """
    env = model.get_env()
    rng = np.random.default_rng(0)
    observations, actions = [], []
    obs, infos = env.reset(), env.unwrapped.reset_infos
    for _ in range(task.clone_frames // env.num_envs):
        priors = np.stack([info["teacher_prior"] for info in infos])
        taken = np.array([rng.choice(len(p), p=p / p.sum()) for p in priors.astype(np.float64)])
        observations.append(obs)
        actions.append(priors.argmax(axis=1))
        obs, _, dones, infos = env.step(taken)
        infos = [env.unwrapped.reset_infos[i] if done else infos[i] for i, done in enumerate(dones)]
    x, y = np.concatenate(observations), th.as_tensor(np.concatenate(actions))
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(x)), max(1, len(x) // 128)):
            tensor, _ = model.policy.obs_to_tensor(x[batch])
            _, log_prob, _ = model.policy.evaluate_actions(tensor, y[batch])
            model.policy.optimizer.zero_grad()
            (-log_prob.mean()).backward()
            model.policy.optimizer.step()
    model.cloned_frames = len(x)
