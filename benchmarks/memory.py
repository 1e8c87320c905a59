"""Memory in context: the embedded model told the mission alone, before and after practice.

It is told the mission and nothing of what has to come first, and asked for the next option
(``options``) or for what is needed next (``needs``, where code adds how to get it). It practises
for 200 episodes at most; then what worked in the three most similar situations stands in its
prompt, and it plays on other seeds::

    OMP_NUM_THREADS=1 python -m benchmarks.memory [level:options|needs ...]
"""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import replace
from statistics import mean
from typing import Any

import gymnasium as gym
import minigrid  # noqa: F401  (registers MiniGrid's envs)

from gym_llmteacher import LLMTeacher, LLMTeacherWrapper, Situation, Teacher, play
from gym_llmteacher.groundings.minigrid.missions.grounding import MissionGrounding
from gym_llmteacher.intervals import wilson
from gym_llmteacher.practice.practise import practise

ROWS = (
    "MiniGrid-DoorKey-8x8-v0:options", "BabyAI-UnlockLocalDist-v0:options",
    "MiniGrid-UnlockPickup-v0:options", "MiniGrid-BlockedUnlockPickup-v0:options",
    "MiniGrid-BlockedUnlockPickup-v0:needs",
)  # fmt: skip
SEEDS = range(2)
PRACTICE, STEPS, EPISODES, FIRST = 200, 60_000, 50, 90_000


class MissionAlone(MissionGrounding):
    """Says nothing of what is known to come first.

    :param needs: whether what may be needed next is named, with the way to get it
    """

    def __init__(self, needs: bool) -> None:
        super().__init__()
        self.needs = needs

    def describe(self, env: gym.Env[Any, Any], obs: Any) -> Situation:
        here = super().describe(env, obs)
        here = replace(here, task=here.text.removeprefix("Mission: ").partition(". Agent")[0])
        return here if self.needs else replace(here, subgoals=(), state="")


def alone(level: str, teacher: Teacher, needs: bool, seed: int) -> float:
    """Success of episodes that nobody practised on."""

    def make() -> gym.Env:
        return LLMTeacherWrapper(gym.make(level), teacher, MissionAlone(needs))

    returns = play(make, "teacher", EPISODES, seed=FIRST + 1000 * seed).returns
    return float((returns > 0).mean())


def percent(shares: list[float]) -> str:
    """Mean over seeds, and a 95 % interval of all episodes (Wilson)."""
    low, high = wilson(round(sum(shares) * EPISODES), EPISODES * len(shares))
    return f"{100 * mean(shares):.0f} ({100 * low:.0f} to {100 * high:.0f})"


def row(name: str) -> str:
    """One line of the table, over all seeds."""
    level, asked = name.split(":")
    needs = asked == "needs"
    before, practised, reminded, frames, episodes = [], [], [], [], []
    for seed in SEEDS:
        plain = LLMTeacher()
        before.append(alone(level, plain, needs, seed))
        taught = practise(
            plain, lambda: gym.make(level), STEPS, seed=1000 * seed, grounding=MissionAlone(needs),
            episodes=PRACTICE,
        )  # fmt: skip
        practised.append(alone(level, taught, needs, seed))
        reminded.append(alone(level, LLMTeacher(memory=taught.experience), needs, seed))
        frames.append(taught.steps)
        episodes.append(taught.experience.episodes)
        shares = (before[-1], reminded[-1], practised[-1])
        print(name, seed, *shares, taught.report, file=sys.stderr, flush=True)
    return (
        f"| {level} | {asked} | {percent(before)} | {percent(reminded)} | {percent(practised)} "
        f"| {mean(episodes):.0f} | {mean(frames):,.0f} |"
    )


def main() -> None:
    print(
        "| level | asked for | mission alone, % | with memory, % | practised teacher, % "
        "| episodes of practice | frames |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in sys.argv[1:] or ROWS:
        with contextlib.redirect_stdout(io.StringIO()):  # BabyAI tells of every rejected map
            line = row(name)
        print(line, flush=True)


if __name__ == "__main__":
    main()
