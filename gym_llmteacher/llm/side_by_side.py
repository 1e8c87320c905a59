"""Several calls at once, in threads that never hold up the end of a program."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def side_by_side(calls: Sequence[Callable[[], T]], at_once: int) -> list[T | Exception]:
    """Make the calls, and return what each returned or raised, in order.

    The first one is made alone: what it learns about the server spares the others a refusal. After
    a call that failed, no further one is begun; those are left out at the end of the list.

    :param at_once: most calls at a time

    >>> side_by_side([lambda: 1, lambda: 2], at_once=2)
    [1, 2]
    """
    results: list[T | Exception | None] = [None] * len(calls)
    lock = threading.Lock()
    turn = iter(range(1, len(calls)))
    failed = threading.Event()

    def make(i: int) -> None:
        try:
            results[i] = calls[i]()
        except Exception as error:
            results[i] = error
            failed.set()

    def work() -> None:
        while not failed.is_set():
            with lock:
                i = next(turn, None)
            if i is None:
                return
            make(i)

    if calls:
        make(0)
    # Daemon threads: a pool's would be joined when the interpreter ends.
    threads = [
        threading.Thread(target=work, daemon=True, name="sample")
        for _ in range(min(at_once, len(calls) - 1))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [result for result in results if result is not None]
