"""Ask a slow teacher in the background: what is not known yet comes later."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, wait
from typing import Any

from gym_llmteacher.advice import Advice
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.daemon_pool import DaemonPool
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher


class BackgroundAdvisor:
    """One teacher, asked by several threads; every situation is asked about once at a time.

    Advice is remembered by `Situation.key`, but for what is provisional or an abstention: that is
    asked for again, and provisional advice stands until the answer is there.

    :param teacher: whose `advise` may take seconds, and may be called from several threads
    :param workers: how many questions may be open at once

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> import numpy as np
        >>> here = Situation("sees nothing", ("explore",), np.eye(1, 7, dtype=np.float32))
        >>> advisor = BackgroundAdvisor(ScriptedTeacher(lambda situation: ("explore",)))
        >>> advisor.wait([here], seconds=10.0)
        >>> advisor.advice(here).plans
        ((('explore',), 1.0),)
        >>> advisor.close()
    """

    def __init__(self, teacher: Teacher, workers: int = 16) -> None:
        self.teacher = teacher
        self.workers = workers
        self._pool = DaemonPool(workers)
        self._asked: Bounded[str, Future[Advice]] = Bounded()
        self._provisional: Bounded[str, Advice] = Bounded()

    def __reduce__(self) -> Any:
        # A copy asks again what was open here.
        return BackgroundAdvisor, (self.teacher, self.workers)

    def advice(self, situation: Situation) -> Advice | None:
        """Advice if it is known by now; otherwise it is being asked for from now on.

        :raises Exception: what a script raised: its bugs are not bad answers
        """
        # What the answers file knows is not worth waking another thread for.
        new = situation.key not in self._asked
        known = self.teacher.lookup(situation) if new else self.teacher.cached(situation)
        if known is not None and not known.provisional:
            return known
        future = self._ask(situation)
        if not future.done():
            return self._provisional.get(situation.key, known)
        advice = future.result()
        if advice.abstained or advice.provisional:
            # What could not be had may be had next time; the teacher knows when to try again.
            self._asked.pop(situation.key, None)
        if advice.provisional and not advice.abstained:
            self._provisional[situation.key] = advice
        else:
            self._provisional.pop(situation.key, None)
        return advice

    def lookup(self, situation: Situation) -> Advice | None:
        """Advice that costs nothing: nothing is asked because of this."""
        if situation.key in self._asked:
            return self.advice(situation)
        return self.teacher.lookup(situation)

    def is_asked(self, situation: Situation) -> bool:
        """Whether there is a question about this situation that has not been answered so far."""
        future = self._asked.get(situation.key)
        return future is not None and not future.done()

    def wait(self, situations: Iterable[Situation], seconds: float) -> None:
        """Wait until there is advice for all of them, but not longer than this."""
        wait([self._ask(situation) for situation in situations], timeout=seconds)

    def _ask(self, situation: Situation) -> Future[Advice]:
        future = self._asked.get(situation.key)
        if future is None:
            future = self._pool.submit(lambda: self.teacher.advise([situation])[0])
            self._asked[situation.key] = future
        return future

    @property
    def open_questions(self) -> int:
        """Number of questions without an answer so far."""
        return sum(not future.done() for future in self._asked.values())

    def close(self) -> None:
        """Ask nothing more; questions that are open are given up, answers on the way are kept."""
        self._pool.close()
