"""A teacher in a process of its own.

A request to a language model takes ten milliseconds of Python besides the waiting: a thousand of
them take ten seconds of the training's time, unless another process spends them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from multiprocessing.connection import Connection, Pipe
from typing import Any

import cloudpickle
import numpy as np

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.daemon_pool import DaemonPool
from gym_llmteacher.errors import TeacherError, TeacherSpecError
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.decorator import TeacherDecorator
from gym_llmteacher.teachers.totals import added

_ONE_ROW = np.zeros((1, 1), dtype=np.float32)
_PROBE = "probe"
_GRACE = 1.0  # seconds for what is being asked when the other side hangs up


class ProcessTeacher(Locked, TeacherDecorator):
    """Asks another teacher in a helper process, which starts with the first question.

    What it has advised is remembered here. For teachers that read words: what options would do,
    and observations, stay in this process. Should the helper die, its open questions abstain, and
    the next one starts another.

    :param teacher: any that can be pickled; it counts calls and keeps its budget over there
    :param workers: questions open at once
    :raises TeacherSpecError: on Windows, which cannot hand the connection on; or it is no `Teacher`

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> helper = ProcessTeacher(ScriptedTeacher(lambda situation: ("explore",)))
        >>> here = Situation("sees nothing", ("explore",), np.eye(1, 7, dtype=np.float32))
        >>> helper.advise([here])[0].plans
        ((('explore',), 1.0),)
        >>> helper.close()

    Change log: 0.1.0 - added.
    """

    def __init__(self, teacher: Teacher, workers: int = 16) -> None:
        Locked.__init__(self)
        TeacherDecorator.__init__(self, teacher)
        if os.name == "nt":
            raise TeacherSpecError(
                "a helper process needs a POSIX system. Cure: use the teacher itself."
            )
        self.workers = workers
        self._memo: Bounded[str, Advice] = Bounded()
        self._own = dict.fromkeys(("asked", "hits", "abstained"), 0.0)
        self._reset()

    def _reset(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._open: dict[int, Future[Any]] = {}
        self._number = 0
        self._metrics: dict[str, float] = {}
        self._left = 1.0

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise on every situation; questions that are open over there are waited for."""
        asked = [self.cached(here) or self._ask(here) for here in situations]
        return [item if isinstance(item, Advice) else item.result() for item in asked]

    def cached(self, situation: Situation) -> Advice | None:
        """Advice that has come from the helper before."""
        advice = self._memo.get(situation.key)
        if advice is not None:
            with self._lock:
                self._own["asked"] += 1
                self._own["hits"] += 1
        return advice

    def lookup(self, situation: Situation) -> Advice | None:
        """Advice that costs nothing: what was heard before, or is found in the answers file here.

        To look something up takes no other process.
        """
        advice = self.cached(situation)
        return advice if advice is not None else self.teacher.lookup(situation)

    def _ask(self, situation: Situation) -> Future[Advice]:
        if self.reads_observations:
            return self._send((situation.key, situation))
        words = dataclasses.replace(situation, option_actions=_ONE_ROW, obs=None)
        return self._send((situation.key, words))

    def _send(self, what: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            if self._process is None:
                self._start()
            assert self._connection is not None
            self._number += 1
            self._open[self._number] = future
            try:
                self._connection.send((self._number, what))
            except OSError:
                self._lost()
        return future

    def _start(self) -> None:
        # First: what cannot be pickled leaves no helper behind.
        form = cloudpickle.dumps((self.teacher, self.workers, sys.path))
        ours, theirs = Pipe()
        command = [sys.executable, "-m", "gym_llmteacher.teachers.process", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        ours.send_bytes(form)
        self._connection = ours
        receiver = threading.Thread(
            target=self._receive, args=(ours, self._process), daemon=True, name="helper"
        )
        receiver.start()

    def _receive(self, connection: Connection[Any, Any], process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                number, result, metrics, left = connection.recv()
            except (EOFError, OSError):
                process.wait()
                connection.close()
                with self._lock:
                    if process is self._process:
                        self._lost()
                return
            with self._lock:
                if process is not self._process:
                    continue  # closed: what comes now is in the answers file
                future = self._open.pop(number)
                self._metrics, self._left = metrics or self._metrics, left
                result = _unpacked(result)
                if isinstance(result, tuple):
                    key, result = result
                    if not (result.abstained or result.provisional):
                        self._memo[key] = result
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _lost(self) -> None:
        """Give up what was open; what the helper had counted is gone with it."""
        lost = self._open
        self._reset()
        for future in lost.values():
            future.set_result(Advice.abstain("the teacher's process ended", Abstention.ERROR))

    def probe(self) -> None:
        """Check the teacher, over there.

        :raises ModelUnavailableError: it cannot be asked at all
        """
        self._send(_PROBE).result()

    def budget_left(self) -> float:
        """Share of the budget that is left, as of the last answer."""
        return self._left

    def metrics(self) -> dict[str, float]:
        """The teacher's totals over there, with what was looked up and remembered here."""
        with self._lock:
            return added(self._metrics, self.teacher.metrics(), self._own)

    def close(self) -> None:
        """Ask nothing more; the helper ends, after a moment for what it is asking now."""
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.send(None)
                metrics = self._metrics
                self._lost()
                self._metrics = metrics

    def __getstate__(self) -> dict[str, Any]:
        return {"teacher": self.teacher, "workers": self.workers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def serve(connection: Connection[Any, Any]) -> None:
    """Answer questions until the other side hangs up."""
    # Ctrl-C goes to all processes of a terminal; this one ends with the one that started it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    teacher, workers, path = cloudpickle.loads(connection.recv_bytes())
    sys.path[:] = path
    lock = threading.Lock()

    def answer(number: int, what: Any) -> None:
        result, metrics, left = _answer(teacher, what), {}, 1.0
        with contextlib.suppress(Exception):
            metrics, left = dict(teacher.metrics()), float(teacher.budget_left())
        # The other side may have gone; the answer is in the file then.
        with lock, contextlib.suppress(OSError):
            connection.send((number, _packed(result), metrics, left))

    pool, open_ = DaemonPool(workers), set()
    with contextlib.suppress(EOFError, OSError):
        while (question := connection.recv()) is not None:
            future = pool.submit(answer, *question)
            open_.add(future)
            future.add_done_callback(open_.discard)
    running = [future for future in list(open_) if future.running()]
    pool.close()
    wait(running, timeout=_GRACE)
    with contextlib.suppress(Exception):
        teacher.close()


def _answer(teacher: Teacher, what: Any) -> Any:
    """What the teacher says, or what it raises: nobody may wait for either for ever."""
    try:
        if what == _PROBE:
            return teacher.probe()
        key, situation = what
        advices = teacher.advise([situation])
        if len(advices) != 1 or not isinstance(advices[0], Advice):
            raise TypeError(f"advise returned {advices!r:.200}, expected one Advice")
        return key, advices[0]
    except TeacherError as error:
        return error
    except BaseException as error:
        return _bug(error)


def _bug(error: BaseException) -> RuntimeError:
    return RuntimeError(f"the teacher raised {type(error).__name__}: {error}")


def _packed(result: Any) -> bytes:
    """A result as the other side can read it, whatever it is made of."""
    try:
        form = cloudpickle.dumps(result)
        pickle.loads(form)
        return bytes(form)
    except BaseException as error:
        return pickle.dumps(_bug(result if isinstance(result, BaseException) else error))


def _unpacked(form: bytes) -> Any:
    try:
        return pickle.loads(form)
    except Exception as error:
        return _bug(error)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
    os._exit(0)  # everything is written; what Python would take apart now takes seconds
