"""Large answers files, and processes that meet many texts: how long, and how much memory.

Fills a file with so many answers and prints two tables: the time of a look-up, of the first page of
`answers list` and of going through all of it, with the memory that takes; and the memory of a
teacher that meets 200,000 different texts::

    OMP_NUM_THREADS=1 python -m benchmarks.answers_size [answers ...]
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.llm.answers import Answers
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.store import Find

ROWS = np.eye(2, dtype=np.float32)
TEXTS = 200_000


def here(i: int) -> Situation:
    return Situation(
        f"Agent sees <thing {i}>. Agent holds <nothing>.", ("go left", "go right"), ROWS
    )


def fill(path: Path, count: int) -> None:
    """Fill a file with what a model said ten times, half a kilobyte each."""
    said = Reply(("Think. " * 70 + "Action: {go left}",) * 10, ((),) * 10, 400, 900).as_dict()
    prompt = [{"role": "user", "content": "Where to? " * 40}]
    records = (
        Record(f"{i * 2654435761 % 2**32:08x}{i:056x}", "openai/m", "samples", f"text {i}", prompt,
               said, float(i))
        for i in range(count)
    )  # fmt: skip
    Answers(path).insert(records)


def memory() -> float:
    """Resident memory now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(path: Path, count: int) -> str:
    """One row of the first table, in a process of its own."""
    store = Answers(path)
    opening = seconds(store.check)
    keys = [f"{i * 2654435761 % 2**32:08x}{i:056x}" for i in range(0, count, max(1, count // 2000))]
    looking = seconds(lambda: [store.get(key) for key in keys]) / len(keys)
    first = seconds(lambda: store.page(most=51))
    newest = seconds(lambda: store.page(Find(newest=True), most=51))
    before = memory()
    all_ = seconds(lambda: sum(1 for _ in store.records()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = path.stat().st_size / 1e6
    return (
        f"| {count:,} | {size:,.0f} MB | {opening * 1e3:.0f} ms | {looking * 1e6:.0f} µs | "
        f"{first * 1e3:.0f} ms | {newest * 1e3:.0f} ms | {all_:.1f} s | +{peak - before:.0f} MB |"
    )


def curve(path: Path) -> Iterator[str]:
    """Memory of a teacher that meets ever new texts, all of them in its answers file."""
    teacher = LLMTeacher("openai/m", path, samples=1, offline=True)
    question = teacher.question(here(0))
    prompt = [dict(message) for message in question.messages]
    said = Reply(("Action: {go left}",), ((),)).as_dict()
    keys = (teacher.oracle.key(teacher.question(here(i))) for i in range(TEXTS))
    Answers(path).insert(
        Record(key, "openai/m", "samples", "text", prompt, said, float(i))
        for i, key in enumerate(keys)
    )
    start = memory()
    for i in range(TEXTS + 1):
        if i % 25_000 == 0:
            yield f"| {i:,} | +{memory() - start:.0f} MB |"
        assert not teacher.advise([here(i % TEXTS)])[0].abstained


def main(counts: list[int]) -> None:
    print("| answers | file | open | look up | first page | newest page | all | memory |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            path = Path(folder) / f"{count}.sqlite"
            fill(path, count)
            one = ["-m", "benchmarks.answers_size", "one", str(path), str(count)]
            subprocess.run([sys.executable, *one], check=True)
            path.unlink()
        print("\n| texts met | memory |\n|---|---|")
        for row in curve(Path(folder) / "curve.sqlite"):
            print(row, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(measure(Path(sys.argv[2]), int(sys.argv[3])), flush=True)
    else:
        main([int(n) for n in sys.argv[1:]] or [10_000, 1_000_000])
