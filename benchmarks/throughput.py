"""Frames per second of TeacherPPO on the wrapped env against PPO on the bare one.

All train in turns in one process, with the same network and hyperparameters; the teacher is the
embedded language model with a warm answers file, or a script. A taught student wins more episodes,
and so resets more envs and sees more of each: "ppo, same play" is plain PPO that begins each of its
turns with the taught student's weights. "teacher, VecTeacher" has one teacher for all envs. With
``--dense`` each of the first two trains again with a features extractor that multiplies matrices of
ones and zeros, as `EgoMapFeatures` did before it looked its weights up; with ``--every 2 4``
further students are taught at every second step, and at every fourth. Run with OMP_NUM_THREADS=1::

    python -m benchmarks.throughput SimpleDoorKey --rounds 10 --dense --every 2 4
    python -m benchmarks.throughput CartPole-v1 --teacher script:cart_pole_planner
"""

from __future__ import annotations

import argparse
import tempfile
import time

import numpy as np
import torch as th
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import EgoMapFeatures, GroundingWrapper, VecTeacher
from gym_llmteacher.envs import env_id
from gym_llmteacher.experiments.config import ComparisonConfig, Teaching
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.student import make_student
from gym_llmteacher.experiments.teaching import teacher_of

DOOR_KEYS = ("SimpleDoorKey", "LavaDoorKey", "ColoredDoorKey", "DivergedDoorKey")
SAME, ONE = "ppo, same play", "teacher, VecTeacher"
STEPS = 8 * 128 * 2
"""Frames per turn: two rollouts of eight envs."""


class DenseMapFeatures(EgoMapFeatures):
    """The same numbers by a product of matrices."""

    def forward(self, observations: th.Tensor) -> th.Tensor:
        features: th.Tensor = self.linear(self.encode(observations))
        return features


def turn(model: PPO) -> float:
    """Frames per CPU-second over one turn."""
    start = time.process_time()
    model.learn(STEPS, reset_num_timesteps=False)
    return STEPS / (time.process_time() - start)


def same_play(model: PPO, like: PPO) -> None:
    """Give plain PPO a taught student's weights and moments, so that both act alike."""
    model.set_parameters(like.get_parameters(), exact_match=True, device="cpu")


def by_one_teacher(model: PPO, config: ComparisonConfig) -> PPO:
    """The same student, with `VecTeacher` around its envs."""
    envs = make_vec_env(
        lambda: make_env(config.env), config.n_envs, seed=0, wrapper_class=GroundingWrapper
    )
    model.set_env(VecTeacher(envs, teacher_of(config)))
    return model


def ratio(speeds: dict[str, list[float]], one: str, other: str) -> str:
    """Median ratio of two students' speeds, turn by turn, with a 95 % interval of the median."""
    ratios = np.array(speeds[one]) / np.array(speeds[other])
    draws = np.median(np.random.default_rng(0).choice(ratios, (10_000, len(ratios))), axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{one} / {other}: {np.median(ratios):.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", default="SimpleDoorKey")
    parser.add_argument("--teacher", default=None)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--dense", action="store_true")
    parser.add_argument("--every", type=int, nargs="*", default=[])
    args = parser.parse_args()
    th.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        # A constant coefficient: the teacher is asked and followed in every rollout.
        env = env_id(args.task) if args.task in DOOR_KEYS else args.task
        config = ComparisonConfig(env, args.teacher, teaching=Teaching(1.0), out=folder)
        models = {kind: make_student(config, kind, seed=0) for kind in ("teacher", "ppo")}
        models[SAME] = make_student(config, "ppo", seed=0)
        models[ONE] = by_one_teacher(make_student(config, "teacher", seed=0), config)
        for every in args.every:
            models[f"teacher, every {every}"] = make_student(config, "teacher", seed=0)
            models[f"teacher, every {every}"].teacher_every = every
        for kind in ("teacher", "ppo") if args.dense else ():
            models[f"{kind}, dense"] = make_student(config, kind, seed=0)
            features = models[f"{kind}, dense"].policy.features_extractor
            features.__class__ = DenseMapFeatures
            features.linear[0].weight.data = features.linear[0].weight.data.contiguous()
        for model in models.values():
            turn(model)  # warm: answers file filled, memory allocated
        speeds: dict[str, list[float]] = {kind: [] for kind in models}
        for i in range(args.rounds):
            for kind in list(models) if i % 2 else reversed(models):
                if kind == SAME:
                    same_play(models[SAME], models["teacher"])
                speeds[kind].append(turn(models[kind]))
    print(f"{args.task}, medians of {args.rounds} turns of {STEPS:,} frames, frames/cpu-s:")
    for kind, values in speeds.items():
        print(f"  {kind}: {np.median(values):,.0f}")
    pairs = [("teacher", "ppo"), ("teacher", SAME), (ONE, SAME)]
    pairs += [(f"teacher, every {every}", SAME) for every in args.every]
    if args.dense:
        pairs += [("teacher, dense", "ppo, dense"), ("ppo", "ppo, dense")]
        pairs += [("teacher", "teacher, dense")]
    for pair in pairs:
        print(f"  {ratio(speeds, *pair)}")


if __name__ == "__main__":
    main()
