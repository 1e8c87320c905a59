"""Trainings are killed at random, again and again: what is lost, paid twice, miscounted or torn?

Several trainings of the command line, each in its own folder, share one answers file, one budget
and one server, which is slow and faulty. One after the other is sent SIGKILL, SIGTERM or SIGINT at
a random moment, and goes on with ``--resume``. Then the server's own notes are compared with the
answers file. The table goes to docs/slow_teachers.md::

    python -m benchmarks.chaos [kills]
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.marks import write_between_marks
from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.experiments.checkpoint import FILE, _unpickled
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.testing import FakeLLMServer, FakeReply

DOCS = Path(__file__).parents[1] / "docs" / "slow_teachers.md"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
WORKERS = 8
TOKENS = 10  # of each reply of the server
SETTLED = 0.5  # seconds after which a reply that was sent has certainly arrived


@dataclass
class Sent:
    """A request, as the server saw it."""

    question: str
    run: str
    good: bool
    finished: float | None = None


class Notes:
    """What the server was asked, by whom, and what it said."""

    def __init__(self, seed: int) -> None:
        self._random, self._lock = random.Random(seed), threading.Lock()
        self.sent: list[Sent] = []

    def answer(self, body: dict[str, Any], run: str) -> FakeReply:
        """Say what to do; mostly, but not always, that."""
        with self._lock:
            luck, delay = self._random.random(), self._random.uniform(0.02, 0.25)
        question = body["messages"][-1]["content"]
        if body.get("max_tokens") == 16:
            question = "probe"
        sent = Sent(question, run, good=luck > 0.15)
        with self._lock:
            self.sent.append(sent)
        time.sleep(delay)
        sent.finished = time.monotonic()
        if sent.good:
            return FakeReply("Think: it leans. Action: {push right}")
        faults = [
            FakeReply("overloaded", status=503), FakeReply("busy", status=429),
            FakeReply("gone", cut=0), FakeReply("half", cut=60), FakeReply("late", delay=30.0),
        ]  # fmt: skip
        return faults[int(luck * 1000) % len(faults)]

    def in_flight(self, run: str, now: float) -> list[Sent]:
        """What this run may not have heard, or not have written down, when it was killed."""
        with self._lock:
            mine = [sent for sent in self.sent if sent.run == run]
        return [s for s in mine if s.finished is None or s.finished > now - SETTLED]


@dataclass
class Report:
    """What became of it all."""

    kills: Counter[str] = field(default_factory=Counter)
    exits: dict[str, list[float]] = field(default_factory=dict)
    requests: int = 0
    replies: int = 0
    answers: int = 0
    lost: int = 0
    twice: int = 0
    in_flight: int = 0
    calls: int = 0
    tokens: int = 0
    budget: int = 0
    torn: int = 0
    tracebacks: int = 0

    def table(self) -> str:
        """As Markdown."""
        kinds = ", ".join(f"{n} {name}" for name, n in sorted(self.kills.items()))
        exits = "; ".join(
            f"{name} {statistics.median(times):.2f} s, at most {max(times):.2f} s"
            for name, times in sorted(self.exits.items())
        )
        rows = [
            ("kills", f"{sum(self.kills.values())}: {kinds}"),
            ("requests the server received, and answered well", f"{self.requests:,}, "
             f"{self.replies:,}"),
            ("of these under way at a kill", f"{self.in_flight:,}"),
            ("answers in the file", f"{self.answers:,}"),
            ("replies that had arrived and are lost", f"{self.lost}"),
            ("paid twice, beyond those under way at a kill", f"{self.twice}"),
            ("requests on the books, of a budget of", f"{self.calls:,}, {self.budget:,}"),
            ("tokens on the books; in the server's good replies", f"{self.tokens:,}; "
             f"{TOKENS * self.replies:,}"),
            ("torn files", f"{self.torn}"),
            ("tracebacks", f"{self.tracebacks}"),
            ("from signal to exit, median", exits),
        ]  # fmt: skip
        return "| | |\n|---|---|\n" + "".join(f"| {a} | {b} |\n" for a, b in rows)


class Training:
    """One training of the command line, to be killed and gone on with."""

    def __init__(self, number: int, folder: Path, notes: Notes, calls: int) -> None:
        self.out = folder / f"training-{number}"
        self.out.mkdir()
        # Where it asks is no part of a question; so the server knows who does.
        self.server = FakeLLMServer(lambda body: notes.answer(body, self.name))
        # One answers file for all of them.
        (self.out / "answers.sqlite").symlink_to(folder / "answers.sqlite")
        self.number, self.calls, self.starts = number, calls, 0
        self.start()

    def start(self) -> None:
        self.starts += 1
        self.name = f"{self.number}.{self.starts}"
        teacher = {**self.server.model, "samples": 1, "timeout": 5.0, "max_retries": 1}
        self.errors = (self.out / "errors.txt").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "gym_llmteacher.cli", "train",
             "--env", "CartPole-v1", "--teacher", json.dumps(teacher), "--out", str(self.out),
             "--students", "teacher",
             "--steps", "200000", "--n-envs", "2", "--episodes", "1", "--late-timeout", "1",
             "--workers", str(WORKERS), "--seeds", str(self.number), "--resume",
             "--max-calls", str(self.calls), "--checkpoint-every", "256"],
            stdout=subprocess.DEVNULL, stderr=self.errors, cwd=Path(__file__).parents[1],
        )  # fmt: skip

    def end(self, number: signal.Signals) -> float:
        """Send a signal; seconds until it has ended."""
        started = time.monotonic()
        os.kill(self.process.pid, number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGABRT)
            self.process.wait()
            where = (self.out / "errors.txt").read_text()
            raise RuntimeError(f"{number.name} did not end it:\n{where}") from None
        self.errors.close()
        return time.monotonic() - started

    def is_torn(self) -> bool:
        """Whether its checkpoint is neither the old one nor the new one."""
        path = self.out / FILE
        try:
            if path.exists():
                _unpickled(path.read_bytes())
        except (CheckpointError, ValueError):
            return True
        return False


def chaos(kills: int, trainings: int = 3, calls: int = 100_000, seed: int = 0) -> Report:
    """Kill, go on, and compare."""
    notes, rng, report = Notes(seed), random.Random(seed), Report(budget=calls)
    under_way: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        running = [Training(i, folder, notes, calls) for i in range(trainings)]
        for i in range(kills + trainings):
            last = i >= kills
            one = running[i - kills] if last else rng.choice(running)
            _wait_for_requests(one, notes, rng.randrange(1, 60))
            time.sleep(rng.uniform(0.0, 0.3))
            number = signal.SIGTERM if last else rng.choice(SIGNALS)
            now = time.monotonic()
            took = one.end(number)
            if not last:
                report.kills[number.name] += 1
                report.exits.setdefault(number.name, []).append(took)
            open_ = notes.in_flight(one.name, now)
            report.in_flight += len(open_)
            under_way.update(sent.question for sent in open_)
            report.lost += _lost(notes, one.name, open_, folder / "answers.sqlite")
            report.torn += one.is_torn()
            if last:
                one.server.stop()
            else:
                one.start()
        errors = [(t.out / "errors.txt").read_text() for t in running]
        report.tracebacks = sum("Traceback" in text for text in errors)
        store = Answers(folder / "answers.sqlite")
        report.answers, spent = len(store), store.spent()
        store.close()
        report.torn += _is_damaged(folder / "answers.sqlite")
    good = Counter(s.question for s in notes.sent if s.good and s.question != "probe")
    report.twice = sum(max(0, n - 1 - under_way[question]) for question, n in good.items())
    report.requests, report.replies = len(notes.sent), sum(s.good for s in notes.sent)
    report.calls, report.tokens = spent.calls, spent.tokens
    return report


def _wait_for_requests(one: Training, notes: Notes, count: int) -> None:
    """Until this training has sent so many requests, or runs without any for a while."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends and one.process.poll() is None:
        if sum(sent.run == one.name for sent in list(notes.sent)) >= count:
            return
        time.sleep(0.02)


def _lost(notes: Notes, run: str, under_way: list[Sent], path: Path) -> int:
    """Good replies that this run must have had, of which the file knows nothing."""
    store = Answers(path)
    kept = {record.prompt[-1]["content"] for record in store.records()}
    store.close()
    arrived = {s.question for s in notes.sent if s.run == run and s.good and s.finished}
    return len(arrived - {s.question for s in under_way} - kept - {"probe"})


def _is_damaged(path: Path) -> bool:
    connection = sqlite3.connect(path)
    fault = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    return bool(fault != "ok")


if __name__ == "__main__":
    found = chaos(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
    print(found.table())
    if len(sys.argv) == 1:
        write_between_marks(DOCS, "benchmarks/chaos.py", found.table())
