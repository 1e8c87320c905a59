"""Threads that nobody waits for at the end of a program."""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonPool:
    """Works off what is submitted with several threads, as `ThreadPoolExecutor` does.

    That one has the interpreter wait for its threads before it ends, for as long as a server likes
    to keep them waiting; these threads just end with it.

    :param workers: how many threads
    :param name: beginning of their names

    >>> pool = DaemonPool(2)
    >>> pool.submit(lambda: 42).result(10.0)
    42
    >>> pool.close()
    """

    def __init__(self, workers: int, name: str = "teacher") -> None:
        self.workers, self.name = workers, name
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0
        self._closed = False
        self._lock = threading.Lock()
        weakref.finalize(self, _stop, self._tasks, self.workers)

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have this called by one of the threads.

        :raises RuntimeError: the pool is closed
        """
        if self._pid != os.getpid():  # the threads stayed with the parent
            self._start()
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            self._tasks.put((future, work, args, kwargs))
            if not self._idle.acquire(blocking=False) and self._started < self.workers:
                self._started += 1
                threading.Thread(
                    target=_work, args=(self._tasks, self._idle), daemon=True,
                    name=f"{self.name}-{self._started}",
                ).start()  # fmt: skip
        return future

    def close(self) -> None:
        """Begin nothing more; what is under way is not waited for."""
        with self._lock:
            self._closed = True
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is not None and task[0].cancel():
                task[0].set_running_or_notify_cancel()  # tells those who wait
        _stop(self._tasks, self.workers)


def _stop(tasks: queue.SimpleQueue[Any], workers: int) -> None:
    for _ in range(workers):
        tasks.put(None)


def _work(tasks: queue.SimpleQueue[Any], idle: threading.Semaphore) -> None:
    while True:
        try:
            task = tasks.get_nowait()
        except queue.Empty:
            idle.release()
            task = tasks.get()
        if task is None:
            return
        _do(*task)
        del task  # or it would be kept until the next one comes


def _do(future: Future[Any], work: Callable[..., Any], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work(*args, **kwargs)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
