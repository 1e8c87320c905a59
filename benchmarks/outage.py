"""The teacher's server goes down for the middle third of a training: what does the student lose?

Two tasks, eight envs, a server that speaks OpenAI's chat format. In CartPole nearly every text is
new, so an outage takes a third of the lessons away; in a door-key task what was answered before
goes on teaching. Each seed trains once with the server up and once with it down in the middle third
(connections refused). Mean and 95 % t-interval over the seeds of the students' scores, and of the
difference, seed by seed::

    OMP_NUM_THREADS=1 python -m benchmarks.outage [seeds]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from scipy import stats
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.late_answers import PPO_ARGUMENTS, grounding, lean
from gym_llmteacher import Grounding, GroundingWrapper, LLMTeacher, TeacherPPO, VecTeacher
from gym_llmteacher.envs import env_id
from gym_llmteacher.experiments.config import ppo_arguments
from gym_llmteacher.experiments.evaluate import Evaluation, evaluate
from gym_llmteacher.playing.actors import StudentActor
from gym_llmteacher.testing import FakeLLMServer, FakeReply


@dataclass(frozen=True)
class Setup:
    """A task and who answers for it.

    :param answer: the plan for a situation, in words
    :param score: what is reported of the student's 100 episodes
    """

    env: str
    frames: int
    answer: Callable[[str], str]
    score: Callable[[Evaluation], float]
    grounding: Callable[[], Grounding | None]
    arguments: dict[str, Any]


def door_key(text: str) -> str:
    """The next thing to do with key and door."""
    sees, holds = text.split("Agent holds")
    thing, end = ("door", "open") if "key" in holds else ("key", "pick up")
    return f"go to {thing}, {end} {thing}" if thing in sees else "explore"


SETUPS = {
    "CartPole, mean return": Setup(
        "CartPole-v1", 60_000, lean, lambda played: played.reward, grounding,
        {"policy": "MlpPolicy", "n_steps": 128, **PPO_ARGUMENTS},
    ),
    "SimpleDoorKey, success %": Setup(
        env_id("SimpleDoorKey"), 30_000, door_key, lambda played: 100 * played.success,
        lambda: None, ppo_arguments(map_like=True),
    ),
}  # fmt: skip


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


def run(setup: Setup, seed: int, outage: bool) -> tuple[float, dict[str, float]]:
    """Return the student's score, and the teacher's totals."""

    def reply(body: dict[str, Any]) -> FakeReply:
        asked = body["messages"][-1]["content"].split('Situation: "')
        probing = len(asked) == 1 or not {"leans", "holds"} & set(asked[1].split())
        text = asked[-1].split('"')[0]
        return FakeReply("Ready." if probing else f"Action: {{{setup.answer(text)}}}")

    with FakeLLMServer(reply) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, max_retries=1)
        envs = make_vec_env(
            setup.env, 8, seed=seed,
            wrapper_class=lambda env: GroundingWrapper(env, setup.grounding()),
        )  # fmt: skip
        env = VecTeacher(envs, teacher, late_timeout=1.0)
        model = TeacherPPO(env=env, **{**setup.arguments, "seed": seed, "device": "cpu"})
        model.learn(setup.frames, callback=Outage(server, setup.frames) if outage else None)
        totals = dict(env.teacher_metrics())
        env.close()
    return setup.score(
        evaluate(lambda: gym.make(setup.env), StudentActor(model, True), 100)
    ), totals


def interval(values: np.ndarray) -> str:
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.0f} ± {half:.0f}"


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    names = {False: "up all the time", True: "down in the middle third"}
    print("| task, score | server | mean | worst seed | steps not taught | up minus down |")
    print("|---|---|---|---|---|---|")
    for task, setup in SETUPS.items():
        results = {down: [run(setup, s, down) for s in range(seeds)] for down in names}
        scores = {down: np.array([score for score, _ in runs]) for down, runs in results.items()}
        for down, name in names.items():
            lost = np.mean([t["late"] - t["came_late"] + t["abstained"] for _, t in results[down]])
            last = interval(scores[False] - scores[True]) if down else ""
            cells = (
                task,
                name,
                interval(scores[down]),
                f"{scores[down].min():.0f}",
                f"{lost:,.0f}",
            )
            print(f"| {' | '.join(cells)} | {last} |", flush=True)


if __name__ == "__main__":
    main()
