"""The teacher's server goes down for the middle third of a training: what does the student lose?

CartPole in words, eight envs, a server that speaks OpenAI's chat format. Each seed trains once with
the server up and once with it down in the middle third (connections refused). Mean and 95 %
t-interval of the students' mean returns over the seeds, and of the difference, seed by seed::

    OMP_NUM_THREADS=1 python -m benchmarks.outage [frames] [seeds]
"""

from __future__ import annotations

import sys
from typing import Any

import gymnasium as gym
import numpy as np
from scipy import stats
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.late_answers import PPO_ARGUMENTS, grounding, lean
from gym_llmteacher import GroundingWrapper, LLMTeacher, TeacherPPO, VecTeacher
from gym_llmteacher.experiments.evaluate import evaluate, student_actor
from gym_llmteacher.testing import FakeLLMServer, FakeReply


def answer(body: dict[str, Any]) -> FakeReply:
    text = body["messages"][-1]["content"].split('Situation: "')[1].split('"')[0]
    return FakeReply(f"Action: {{{lean(text) if 'leans' in text else 'wait'}}}")


class Outage(BaseCallback):
    """Stop the server after a third of the frames, start it again after two thirds."""

    def __init__(self, server: FakeLLMServer, frames: int) -> None:
        super().__init__()
        self.server, self.frames, self.third = server, frames, 0

    def _on_step(self) -> bool:
        third = min(2, 3 * self.num_timesteps // self.frames)
        if third != self.third:
            self.third = third
            (self.server.stop if third == 1 else self.server.start)()
        return True


def run(frames: int, seed: int, outage: bool) -> tuple[float, dict[str, float]]:
    """Return the student's mean return over 100 episodes, and the teacher's totals."""
    with FakeLLMServer(answer) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, max_retries=1)
        envs = make_vec_env(
            "CartPole-v1", 8, seed=seed,
            wrapper_class=lambda env: GroundingWrapper(env, grounding()),
        )  # fmt: skip
        env = VecTeacher(envs, teacher, patience=1.0)
        arguments = {**PPO_ARGUMENTS, "seed": seed}
        model = TeacherPPO("MlpPolicy", env, n_steps=128, **arguments)
        model.learn(frames, callback=Outage(server, frames) if outage else None)
        totals = dict(env.teacher_metrics())
        env.close()
    score = evaluate(lambda: gym.make("CartPole-v1"), student_actor(model, True), 100)
    return score.reward, totals


def interval(values: np.ndarray) -> str:
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.0f} ± {half:.0f}"


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    names = {False: "up all the time", True: "down in the middle third"}
    results = {down: [run(frames, seed, down) for seed in range(seeds)] for down in names}
    print("| server | mean return | worst seed | requests failed | steps not taught |")
    print("|---|---|---|---|---|")
    for down, name in names.items():
        returns = np.array([score for score, _ in results[down]])
        failed = np.mean([totals["failed"] for _, totals in results[down]])
        lost = np.mean([t["late"] - t["came_late"] + t["abstained"] for _, t in results[down]])
        print(f"| {name} | {interval(returns)} | {returns.min():.0f} | {failed:.0f} | {lost:.0f} |")
    difference = np.array([a[0] - b[0] for a, b in zip(*results.values(), strict=True)])
    print(f"\nup minus down, seed by seed: {interval(difference)}")


if __name__ == "__main__":
    main()
