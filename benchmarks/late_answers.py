"""A teacher that takes a second per answer must not slow the envs.

Eight envs, more than a thousand distinct situations, an OpenAI-compatible server on the loopback
that answers after a second. Compared, in wall time: a teacher that answers at once (a script),
the slow one asked in the background (`VecTeacher`), the same with a warm answers file, and the
slow one asked one at a time by a blocking wrapper (for a few frames only: it would take hours)::

    python benchmarks/late_answers.py [frames]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
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
PPO_ARGUMENTS: dict[str, Any] = {"n_steps": 128, "batch_size": 64, "seed": 0, "device": "cpu"}


def describe(obs: Any) -> str:
    """CartPole in rounded numbers: between one and two thousand texts come up in a training."""
    steps = (0.8, 0.4, 0.04, 0.4)
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
    return FakeReply(f"Action: {{{lean(text) if known else 'wait'}}}", delay=SECONDS)


def learn(
    env: Any, frames: int, algorithm: type[PPO] = TeacherPPO, **kwargs: Any
) -> tuple[PPO, float]:
    model = algorithm("MlpPolicy", env, **PPO_ARGUMENTS, **kwargs)
    start = time.perf_counter()
    model.learn(frames)
    return model, frames / (time.perf_counter() - start)


def grounded() -> Any:
    return make_vec_env(
        "CartPole-v1", 8, seed=0, wrapper_class=lambda env: GroundingWrapper(env, grounding())
    )


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rows = []
    coef = {"teacher_coef": 1.0}
    instant = ScriptedTeacher(lambda situation: (lean(situation.text),))
    with tempfile.TemporaryDirectory() as folder, FakeLLMServer(answer) as server:
        path = Path(folder) / "answers.sqlite"
        _, plain = learn(make_vec_env("CartPole-v1", 8, seed=0), frames, PPO)
        rows.append(("plain PPO", plain, "", ""))
        _, base = learn(VecTeacher(grounded(), instant), frames, **coef)
        rows.append(("instant teacher", base, "100 %", ""))
        for name in ("1 s per answer, in the background", "the same, warm answers file"):
            before = len(server.history)
            teacher = LLMTeacher(server.model, path, samples=1)
            env = VecTeacher(grounded(), teacher, workers=64, patience=0.1)
            _, speed = learn(env, frames, **coef)
            metrics = env.teacher_metrics()
            late = metrics["late"] - metrics["came_late"]
            asked = frames + 8
            coverage = 1 - (late + metrics["abstained"]) / asked
            calls = len(server.history) - before
            rows.append((name, speed, f"{coverage:.0%}", f"{calls:,}"))
            env.close()
        before = len(server.history)
        teacher = LLMTeacher(server.model, Path(folder) / "other.sqlite", samples=1)
        env = make_vec_env(
            "CartPole-v1", 8, seed=0,
            wrapper_class=lambda env: LLMTeacherWrapper(env, teacher, grounding()),
        )  # fmt: skip
        PPO_ARGUMENTS["n_steps"] = 8
        _, speed = learn(env, 64, **coef)
        rows.append(("1 s per answer, blocking (64 frames)", speed, "100 %",
                     f"{len(server.history) - before:,}"))  # fmt: skip
    print("| teacher | frames per second | of an instant teacher's | coverage | calls |")
    print("|---|---|---|---|---|")
    for name, speed, coverage, calls in rows:
        print(f"| {name} | {speed:,.0f} | {speed / base:.2f} | {coverage} | {calls} |")


if __name__ == "__main__":
    main()
