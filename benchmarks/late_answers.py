"""A teacher that takes a second per answer must not slow the envs.

Eight envs, more than a thousand distinct situations, an OpenAI-compatible server in a process of
its own that answers after a second. The arms take turns, so that what else the machine does meets
all of them: plain PPO, a teacher that answers at once (a script), the slow one asked in the
background from a helper process and from the training process (`VecTeacher`), with a
warm answers file, and the slow one asked one at a time by a blocking wrapper (for a few frames
only: it would take hours). Coefficients are `TeacherPPO`'s default: the teacher is needed for 70 %
of the frames. Medians over the rounds, of frames per second of wall time and per
second of the training process's own CPU time::

    OMP_NUM_THREADS=1 python benchmarks/late_answers.py [frames] [rounds]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    ActionGrounding,
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    ScriptedTeacher,
    TeacherPPO,
    VecTeacher,
)
from gym_llmteacher.testing import FakeLLMServer, FakeReply

ACTIONS = ["push left", "push right"]
SECONDS = 1.0
TAUGHT = 0.7
"""Share of the frames in which `TeacherPPO` needs its teacher, by default."""
PPO_ARGUMENTS: dict[str, Any] = {"batch_size": 64, "seed": 0, "device": "cpu"}


def describe(obs: Any) -> str:
    """CartPole in rounded numbers: well over a thousand texts come up in a training."""
    steps = (0.4, 0.3, 0.03, 0.3)
    x, v, angle, spin = (round(round(float(o) / s) * s, 2) for o, s in zip(obs, steps, strict=True))
    return f"The cart is at {x}, moving {v}; the pole leans {angle}, turning {spin}."


def lean(text: str) -> str:
    """Push the cart under the pole."""
    words = text.split()
    angle, spin = float(words[words.index("leans") + 1].rstrip(",")), float(words[-1].rstrip("."))
    return ACTIONS[int(angle + 0.3 * spin > 0)]


def grounding() -> ActionGrounding:
    return ActionGrounding(describe, ACTIONS, task="keep the pole upright")


def answer(body: dict[str, Any]) -> FakeReply:
    text = body["messages"][-1]["content"].split('Situation: "')[1].split('"')[0]
    known = "leans" in text  # the probe asks about nothing
    return FakeReply(f"Action: {{{lean(text) if known else 'wait'}}}")


def serve(seconds: float) -> None:
    """Tell the address, then the number of requests whenever a line is read."""
    with FakeLLMServer(lambda body: replace(answer(body), delay=seconds)) as server:
        print(server.url, flush=True)
        for _ in sys.stdin:
            print(len(server.history), flush=True)


class Server:
    """The slow model, in a process of its own.

    :param seconds: that it takes to answer
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds

    def __enter__(self) -> Server:
        command = [sys.executable, __file__, "serve", str(self.seconds)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.model = {"model": "openai/fake", "api_base": self._line(), "api_key": "none"}
        return self

    def __exit__(self, *error: object) -> None:
        self.process.communicate()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def requests(self) -> int:
        """How many there were so far."""
        assert self.process.stdin is not None
        self.process.stdin.write("?\n")
        return int(self._line())


@dataclass
class Turn:
    """What one arm did in one round; speeds in frames per second."""

    wall: float
    cpu: float
    coverage: float = 1.0
    calls: int = 0


def learn(
    env: Any, frames: int, algorithm: type[PPO] = TeacherPPO, n_steps: int = 128, **kwargs: Any
) -> Turn:
    arguments = {**PPO_ARGUMENTS, "n_steps": n_steps, **kwargs}
    model = algorithm("MlpPolicy", env, **arguments)
    wall, cpu = time.perf_counter(), time.process_time()
    model.learn(frames)
    done = model.num_timesteps
    return Turn(done / (time.perf_counter() - wall), done / (time.process_time() - cpu))


def in_background(
    server: Server, path: Path, frames: int, process: bool = False, late_timeout: float = 0.1
) -> Turn:
    before = server.requests()
    teacher = LLMTeacher(server.model, path, samples=1)
    envs = make_vec_env(
        "CartPole-v1", 8, seed=0, wrapper_class=lambda env: GroundingWrapper(env, grounding())
    )
    env = VecTeacher(envs, teacher, workers=64, late_timeout=late_timeout, process=process)
    turn = learn(env, frames)
    metrics = env.teacher_metrics()
    untaught = metrics["late"] - metrics["came_late"] + metrics["abstained"]
    turn.coverage = 1 - untaught / (TAUGHT * frames)
    env.close()
    turn.calls = server.requests() - before
    return turn


def one_at_a_time(server: Server, path: Path) -> Turn:
    teacher = LLMTeacher(server.model, path, samples=1)
    env = make_vec_env(
        "CartPole-v1", 8, seed=0,
        wrapper_class=lambda env: LLMTeacherWrapper(env, teacher, grounding()),
    )  # fmt: skip
    before = server.requests()
    turn = learn(env, 64, n_steps=8)
    turn.calls = server.requests() - before
    return turn


def instant(frames: int) -> Turn:
    script = ScriptedTeacher(lambda situation: (lean(situation.text),))
    envs = make_vec_env(
        "CartPole-v1", 8, seed=0, wrapper_class=lambda env: GroundingWrapper(env, grounding())
    )
    env = VecTeacher(envs, script)
    turn = learn(env, frames)
    env.close()
    return turn


def one_round(server: Server, folder: Path, frames: int) -> dict[str, Turn]:
    warm = folder / "warm.sqlite"
    # All answers are waited for: the warm run repeats this one, step by step.
    in_background(server, warm, frames, process=True, late_timeout=60.0)
    return {
        "plain PPO": learn(make_vec_env("CartPole-v1", 8, seed=0), frames, PPO),
        "instant teacher": instant(frames),
        "1 s per answer, from a helper process": in_background(
            server, folder / "helper.sqlite", frames, process=True
        ),
        "1 s per answer, from this process": in_background(server, folder / "here.sqlite", frames),
        "warm answers file": in_background(server, warm, frames, late_timeout=60.0),
        "1 s per answer, blocking (64 frames)": one_at_a_time(server, folder / "one.sqlite"),
    }


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    n_rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rounds = []
    with Server() as server:
        for _ in range(n_rounds):
            with tempfile.TemporaryDirectory() as folder:
                rounds.append(one_round(server, Path(folder), frames))
    columns = (
        "teacher", "frames/s", "of instant", "of plain", "CPU: of instant", "CPU: of plain",
        "coverage", "calls",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for name in rounds[0]:
        turns = [(r[name], r["instant teacher"], r["plain PPO"]) for r in rounds]
        cells = (
            f"{median(t.wall for t, _, _ in turns):,.0f}",
            f"{median(t.wall / i.wall for t, i, _ in turns):.2f}",
            f"{median(t.wall / p.wall for t, _, p in turns):.2f}",
            f"{median(t.cpu / i.cpu for t, i, _ in turns):.2f}",
            f"{median(t.cpu / p.cpu for t, _, p in turns):.2f}",
            "" if name == "plain PPO" else f"{median(t.coverage for t, _, _ in turns):.0%}",
            f"{median(t.calls for t, _, _ in turns):,.0f}",
        )
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    serve(float(sys.argv[2])) if sys.argv[1:2] == ["serve"] else main()
