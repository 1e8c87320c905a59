"""How well the embedded model teaches alone, by the way it is asked; and two more tables.

Run: ``python -m benchmarks.ways_of_asking [episodes] [all]`` (3 minutes for 30; with ``all``, the
ways that write at length too: an hour). It writes ``benchmarks/results/ways_of_asking.md``.

- Success alone: the teacher acts at random from its prior, five seeds.
- Position bias: each situation's options shuffled 20 times; mean absolute change of the prior.
- A cascade: the embedded model asked by letters, and a planner in the place of a large model, which
  is asked where the small one is not sure enough.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher import CascadeTeacher, GroundingWrapper, LLMTeacher, ScriptedTeacher, Sure
from gym_llmteacher.llm.elicitation.branches import Branches
from gym_llmteacher.llm.elicitation.letters import Logprobs
from gym_llmteacher.llm.elicitation.plans import Samples
from gym_llmteacher.llm.elicitation.scoring import NextSubgoal
from gym_llmteacher.llm.elicitation.structured import Structured
from gym_llmteacher.llm.elicitation.subgoals import SubgoalSamples
from gym_llmteacher.llm.elicitation.weights import Weights
from gym_llmteacher.playing.play import play
from gym_llmteacher.prior import prior_from
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher

TASKS = tuple(f"LLMTeacher/{name}DoorKey-v0" for name in ("Simple", "Lava", "Colored"))
SEEDS = range(5)
SHUFFLES = 20
OUT = Path(__file__).parent / "results" / "ways_of_asking.md"
WAYS: dict[str, Callable[[], Any]] = {
    "next subgoal, exact scores (default)": NextSubgoal,
    "next subgoal, 4 chat samples": SubgoalSamples,
    "letters of subgoals, 2 orders": Logprobs,
    "letters of subgoals, 1 order": lambda: Logprobs(orders=1),
    "letters of options, 4 orders": lambda: Logprobs(subgoals=False),
    "letters of options, 1 order": lambda: Logprobs(subgoals=False, orders=1),
}
# What writes at length takes a model of this size an hour.
LONG: dict[str, Callable[[], Any]] = {
    "plans, 4 samples": lambda: Samples(k=4),
    "plans as JSON, 4 samples": lambda: Structured(k=4),
    "weights": Weights,
    "branches, 5": Branches,
}


def alone(env_id: str, teacher: Teacher, episodes: int) -> list[float]:
    """Success by seed."""
    return [
        play(lambda: gym.make(env_id), teacher, episodes, seed=90_000 + 1000 * seed).success
        for seed in SEEDS
    ]


def situations(env_id: str, episodes: int = 20) -> list[Situation]:
    """Distinct situations of a random rollout."""
    env = GroundingWrapper(gym.make(env_id))
    env.action_space.seed(0)
    found: dict[str, Situation] = {}
    for episode in range(episodes):
        _, info = env.reset(seed=episode)
        for _ in range(60):
            found.setdefault(info["teacher_situation"].key, info["teacher_situation"])
            _, _, terminated, truncated, info = env.step(env.action_space.sample())
            if terminated or truncated:
                break
    return list(found.values())


def shuffled(here: Situation, rng: np.random.Generator) -> Situation:
    """The same with its options in another order."""
    order = rng.permutation(len(here.options))
    options = tuple(here.options[i] for i in order)
    return dataclasses.replace(
        here, options=options, option_actions=np.asarray(here.option_actions)[order]
    )


def position_bias(teacher: LLMTeacher, env_id: str) -> float:
    """Mean absolute change of an option's probability when the options are shuffled."""
    rng, changes = np.random.default_rng(0), []
    for here in situations(env_id):
        before = _by_option(teacher, here)
        for _ in range(SHUFFLES):
            after = _by_option(teacher, shuffled(here, rng))
            changes += [abs(before[option] - after[option]) for option in here.options]
    return float(np.mean(changes))


def _by_option(teacher: LLMTeacher, here: Situation) -> dict[str, float]:
    """Probability of each option, as if all did something of their own."""
    own = dataclasses.replace(here, option_actions=np.eye(len(here.options), dtype=np.float32))
    prior, _ = prior_from(teacher.advise([own])[0], own)
    return dict(zip(here.options, prior.tolist(), strict=True))


def interval(values: list[float], episodes: int) -> str:
    """Mean and a 95 % interval by bootstrap over the episodes of all seeds."""
    wins = np.repeat([1.0, 0.0], [round(sum(values) * episodes), round(
        sum(1 - v for v in values) * episodes)])  # fmt: skip
    rng = np.random.default_rng(0)
    means = [rng.choice(wins, len(wins)).mean() for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{100 * np.mean(values):.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def main(episodes: int, ways: dict[str, Callable[[], Any]]) -> str:
    """All tables, as Markdown."""
    lines = [f"Command: `python -m benchmarks.ways_of_asking {episodes}`.", ""]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.sqlite"
        names = [task.removeprefix("LLMTeacher/").removesuffix("-v0") for task in TASKS]
        lines += [f"| asked for | {' | '.join(names)} | questions |", "|---|---|---|---|---|"]
        for name, make in ways.items():
            teacher = LLMTeacher(answers=path, elicitation=make(), task=None)
            cells = [interval(alone(task, teacher, episodes), episodes) for task in TASKS]
            calls = int(teacher.metrics()["calls"])
            lines.append(f"| {name} | {' | '.join(cells)} | {calls} |")
            print(lines[-1], flush=True)
        lines += ["", "| options shuffled 20 times, LavaDoorKey | mean change of the prior |",
                  "|---|---|"]  # fmt: skip
        for orders in (1, 4):
            way = Logprobs(subgoals=False, orders=orders)
            change = position_bias(LLMTeacher(answers=path, elicitation=way), TASKS[1])
            lines.append(f"| letters, {orders} order{'s'[: orders > 1]} | {change:.3f} |")
        lines += ["", "| the small one must be sure of | success, LavaDoorKey | situations put to "
                  "the small one | to the large one |", "|---|---|---|---|"]  # fmt: skip
        for least in (0.0, 0.15, 0.2, 0.3):
            lines.append(_cascade_row(path, least, episodes))
            print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def _cascade_row(path: Path, least: float, episodes: int) -> str:
    asked: set[str] = set()
    planner = ScriptedTeacher.named("door_key_planner")

    class Counted(ScriptedTeacher):
        def advise(self, here: Any) -> Any:
            asked.update(situation.key for situation in here)
            return planner.advise(here)

    small = LLMTeacher(answers=path, elicitation=Logprobs(subgoals=False))
    until = Sure(least) if least else None
    cascade = CascadeTeacher([small, Counted(lambda here: None)], until=until)
    success = interval(alone(TASKS[1], cascade, episodes), episodes)
    return f"| {least or 'any'} | {success} | {int(small.metrics()['asked'])} | {len(asked)} |"


if __name__ == "__main__":
    wanted = WAYS | LONG if "all" in sys.argv else WAYS
    OUT.write_text(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, wanted))
