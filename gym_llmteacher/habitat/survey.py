"""What the adapter does on the simulator that is installed: a scripted teacher, measured."""

from __future__ import annotations

import platform
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

PACKAGES = ("gym-llmteacher", "habitat-lab", "habitat-sim", "numpy", "torch", "gymnasium",
            "stable-baselines3", "gym", "magnum")  # fmt: skip


@dataclass
class Survey:
    """What was measured.

    :param simulator: its type, the task's, and the kind of actions
    :param success: share of episodes in which the target was picked
    :param ends: how episodes ended, by number
    :param steps: control steps per episode, on average
    :param steps_per_second: of the wall clock, the depth picture included
    :param same_start: whether a seed decides episode and start, whatever came before
    :param same_steps: whether equal actions after it give equal observations
    :param choices: objects and receptacles per episode, on average
    """

    simulator: str
    episodes: int
    success: float
    ends: dict[str, int]
    steps: float
    steps_per_second: float
    same_start: bool
    same_steps: bool
    choices: tuple[float, float]

    @property
    def versions(self) -> dict[str, str]:
        """Of the packages that matter."""
        return _versions()

    def rows(self) -> list[tuple[str, str]]:
        """For a table."""
        return [
            ("simulator", self.simulator),
            ("success", f"{self.success:.1%} of {self.episodes} episodes"),
            *((f"ended: {how}", str(n)) for how, n in sorted(self.ends.items())),
            ("steps per episode", f"{self.steps:.1f}"),
            ("steps per second", f"{self.steps_per_second:.0f}"),
            ("a seed decides the start", _yes(self.same_start)),
            ("equal actions, equal observations", _yes(self.same_steps)),
            ("objects, receptacles per episode", "{:.1f}, {:.1f}".format(*self.choices)),
            *self.versions.items(),
        ]


def survey(env: Any, episodes: int = 20) -> Survey:
    """Let a script navigate to each episode's target and pick it; look at seeding on the way.

    :param env: a `HabitatEnv` over options or primitives, which stays open
    :param episodes: how many
    """
    same_start, same_steps = _seeding(env)
    ends: Counter[str] = Counter()
    lengths, objects, places, since = [], [], [], time.perf_counter()
    for episode in range(episodes):
        env.reset(seed=0 if episode == 0 else None)
        objects.append(sum(word in env.world.objects for word in env.world.things))
        places.append(len(env.world.things) - objects[-1])
        how, steps = _play(env)
        ends[how] += 1
        lengths.append(steps)
    seconds = time.perf_counter() - since
    config = env.habitat._config
    return Survey(
        simulator=f"{config.simulator.type}, {config.task.type}, {env.mode}",
        episodes=episodes, success=ends["success"] / episodes, ends=dict(ends),
        steps=sum(lengths) / episodes, steps_per_second=sum(lengths) / seconds,
        same_start=same_start, same_steps=same_steps,
        choices=(float(np.mean(objects)), float(np.mean(places))),
    )  # fmt: skip


def _play(env: Any) -> tuple[str, int]:
    """How an episode that was just reset ends, and after how many steps."""
    target, steps = env.world.target, 0
    if target is None:
        return "no word for the target", 0
    while True:
        todo = (env.option_action(o) for o in (f"navigate to {target}", f"pick {target}"))
        action = next((a for a in todo if a is not None), None)
        if action is None:
            near = env.world.polar(env.world.position(target))[0]
            return ("stuck beside the target" if near < 2.5 else "stuck on the way"), steps
        *_, terminated, truncated, info = env.step(action)
        steps += 1
        if terminated or truncated:
            failed = "step limit" if truncated else "ended by the task"
            return ("success" if info["is_success"] else failed), steps


def _seeding(env: Any) -> tuple[bool, bool]:
    """Whether the same seed gives the same start, and the same actions the same observations."""

    def roll(seed: int) -> list[dict[str, Any]]:
        seen = [env.reset(seed=seed)[0]]
        for action in (0, 0, 1, 0, 0):
            obs, _, terminated, truncated, _ = env.step(action)
            seen.append(obs)
            if terminated or truncated:
                break
        return seen

    first = [roll(seed) for seed in (1, 2, 3)]
    again = [roll(seed) for seed in (3, 2, 1)][::-1]
    pairs = list(zip(first, again, strict=True))
    starts = all(_same(a[0], b[0]) for a, b in pairs)
    return starts, all(len(a) == len(b) and all(map(_same, a, b)) for a, b in pairs)


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(np.array_equal(a[key], b[key]) for key in a)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = _own_version(name)
    return found


def _own_version(name: str) -> str:
    """Of a package that was built from source, which has no metadata."""
    import sys

    module = sys.modules.get(name.replace("-", "_"))
    if module is None:
        return "not installed"
    return str(getattr(module, "__version__", "of unknown version"))


def _yes(holds: bool) -> str:
    return "yes" if holds else "NO"
