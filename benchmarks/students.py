"""The trained students in ``students/``, each with its model card.

::

    make students              # train all of them: some ten minutes on two idle cores
    python -m benchmarks.students CartPole-v1

Each is what one call of ``gym-llmteacher train`` leaves, made smaller: Adam's moments, two numbers
per weight, are emptied (`PPO.load` wants the optimizer's file, but not its state; a training that
goes on fills them again), and so are the last observations and the last episodes' statistics.
Weights are kept in half precision, which loading makes single again. What is measured is the small
one.
"""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any
from unittest import mock
from zipfile import ZIP_DEFLATED, ZipFile

import torch as th
import typer
from stable_baselines3 import PPO

from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import Evaluation, evaluate
from gym_llmteacher.intervals import wilson
from gym_llmteacher.playing.actors import StudentActor

OUT = Path(__file__).parent.parent / "students"
RUNS = Path("runs/students")
EPISODES = 200  # per line of a card, seeds from 10,000: training has others
app = typer.Typer(add_completion=False, help=__doc__)


@dataclass(frozen=True)
class Entry:
    """A student, and what its card says in words."""

    env: str
    teacher: str
    steps: int
    task: str
    taught_by: str
    solved: str
    registers: str = ""

    @property
    def name(self) -> str:
        """Its folder."""
        return self.env.rpartition("/")[2]

    @property
    def command(self) -> str:
        """What trained it."""
        return (f"gym-llmteacher train --env {self.env} --teacher {self.teacher} "
                f"--students teacher --steps {self.steps} --out {RUNS / self.name}")  # fmt: skip


OWN = "import gym_llmteacher.envs  # registers the env; the student itself does not need it\n"
MODEL = "SmolLM2-135M-Instruct, the embedded language model (Apache-2.0), on the CPU"
PLANNER = "a script that reads nothing but the words of the grounding"
ENTRIES = (
    Entry(
        "LLMTeacher/SimpleDoorKey-v0", "embedded", 50_000,
        "Find a key in a room and open the locked door with it. The agent sees 3×3 cells.", MODEL,
        "the door is open within 150 steps", OWN,
    ),
    Entry(
        "LLMTeacher/LavaDoorKey-v0", "embedded", 80_000,
        "The same with lava on the floor, which ends the episode.", MODEL,
        "the door is open within 150 steps", OWN,
    ),
    Entry(
        "CartPole-v1", "script:cart_pole_planner", 50_000,
        "Keep a pole upright on a cart.", PLANNER,
        "a return of at least 475, the env's own threshold",
    ),
)  # fmt: skip

CARD = """---
license: mit
library_name: stable-baselines3
tags: [reinforcement-learning, {env}]
---
# A student of {env}

{task}

| | sampled | greedy |
|---|---|---|
| episodes solved | {sampled} | {greedy} |
| mean return | {returns[0]:.3g} | {returns[1]:.3g} |

- **Solved**: {solved}.
- **Measured**: {episodes} episodes each, seeds {first:,} to {last:,}, which training has not seen,
  by plain `PPO.load`; 95 % intervals (Wilson). Sampled draws actions from the policy, greedy takes
  the most likely one. It is one training with seed 0, not a mean of several.
- **Teacher**: {taught_by}. It is not needed any more.
- **Frames**: {frames:,}, of which the teacher played {teachers:,} by itself before it taught.
- **Licence**: MIT, as the package.
- **Versions**: {versions}.

## Load it

```python
{registers}import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

model = PPO.load("students/{name}/student.zip")
env = gym.make("{env}")
print(evaluate_policy(model, env, n_eval_episodes=10, deterministic={best}))
```

Or look at it: `gym-llmteacher watch students/{name}/student.zip`. A saved model is a pickle: load
only what you trust.

## How it was made

```bash
{command}
python -m benchmarks.students --packed {name}
```

The second line empties Adam's moments and the last episodes' statistics, keeps the weights in half
precision, measures, and writes this page.
"""


def train(entry: Entry) -> None:
    """Run the command of the card."""
    line = [*shlex.split(entry.command)[1:], "--overwrite"]
    subprocess.run([sys.executable, "-m", "gym_llmteacher", *line], check=True)


def pack(entry: Entry) -> PPO:
    """Copy the student without what playing does not need; what plain PPO then loads."""
    model = PPO.load(RUNS / entry.name / "teacher-0.zip", device="cpu")
    model.policy.optimizer.state.clear()
    model.ep_info_buffer, model.ep_success_buffer = deque(maxlen=100), deque(maxlen=100)
    model._last_obs = model._last_episode_starts = None
    whole, folder = RUNS / entry.name / "student.zip", OUT / entry.name
    # What numpy 1 does not read: a generator of numpy 2, and its arrays in protocol 5.
    model.action_space._np_random = None
    with mock.patch("cloudpickle.cloudpickle.DEFAULT_PROTOCOL", 4):
        model.save(whole, exclude=["start_time"])
    folder.mkdir(parents=True, exist_ok=True)
    with ZipFile(whole) as old, ZipFile(folder / "student.zip", "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, _halved(old.read(name)) if name == "policy.pth" else old.read(name))
    shutil.copy(RUNS / entry.name / "config.json", folder)
    return PPO.load(folder / "student.zip", device="cpu")


def _halved(weights: bytes) -> bytes:
    """A state dict as it is saved, in half precision; what has several names is saved once."""
    halved, made = io.BytesIO(), {}
    state = th.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
    for name, value in state.items():
        state[name] = made.setdefault(value.data_ptr(), value.half())
    th.save(state, halved)
    return halved.getvalue()


def card(entry: Entry, model: PPO, scores: list[Evaluation]) -> str:
    """The model card, in Markdown."""
    record: dict[str, Any] = getattr(model, "teacher_record", None) or {}
    names = ("stable-baselines3", "gymnasium", "torch", "numpy")
    return CARD.format(
        env=entry.env, name=entry.name, task=entry.task, solved=entry.solved,
        taught_by=entry.taught_by, registers=entry.registers, command=entry.command,
        sampled=_share(scores[0]), greedy=_share(scores[1]), returns=[s.reward for s in scores],
        best=scores[1].success >= scores[0].success, episodes=EPISODES, first=10_000,
        last=10_000 + EPISODES - 1, frames=model.num_timesteps, teachers=record.get("steps", 0),
        versions=", ".join([f"Python {sys.version.split()[0]}",
                            *(f"{n} {version(n)}" for n in names)]),
    )  # fmt: skip


def _share(score: Evaluation) -> str:
    low, high = wilson(round(score.success * score.episodes), score.episodes)
    return f"{score.success:.1%} ({low:.1%} to {high:.1%})"


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Folders; default: all.")] = None,
    packed: Annotated[bool, typer.Option(help="Do not train: take runs/students.")] = False,
) -> None:
    """Train them, make them small, measure them, and write their cards."""
    chosen = [e for e in ENTRIES if not names or e.name in names]
    if not chosen:
        raise typer.BadParameter(f"{names}: expected some of {[e.name for e in ENTRIES]}")
    for entry in chosen:
        if not packed:
            train(entry)
        model = pack(entry)
        scores = [
            evaluate(lambda e=entry: make_env(e.env), StudentActor(model, greedy), EPISODES)
            for greedy in (False, True)
        ]
        text = card(entry, model, scores)
        (OUT / entry.name / "README.md").write_text(text, encoding="utf-8")
        print(json.dumps({entry.name: [s.success for s in scores]}), flush=True)


if __name__ == "__main__":
    app()
