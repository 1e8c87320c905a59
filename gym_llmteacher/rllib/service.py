"""One teacher for all runners: the actor it lives in.

One budget, one limiter, one model in memory, one probe. It is asked by several threads at once;
what costs nothing has threads of its own and does not queue behind slow questions.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import ray

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher


class TeacherService:
    """What the actor does. Ask it through `RayTeacher`.

    :param spec: who teaches, as for `make_teacher`
    :param arguments: more arguments of `make_teacher`
    """

    def __init__(self, spec: TeacherSpec, arguments: Mapping[str, Any]) -> None:
        self._spec, self._arguments = spec, dict(arguments)
        self._teacher: Teacher | None = None
        self._lock = threading.RLock()
        self._probed = False
        self._bug = ""

    @property
    def teacher(self) -> Teacher:
        """Who teaches; made when it is needed, since an actor cannot say what its birth raised."""
        with self._lock:
            if self._teacher is None:
                self._teacher = make_teacher(self._spec, **self._arguments)
            return self._teacher

    @ray.method(concurrency_group="free")
    def probe(self) -> bool:
        """Check, once, that the teacher can be asked at all.

        :return: whether it reads observations
        :raises ModelUnavailableError: it cannot
        :raises TeacherSpecError: it is none
        """
        with self._lock:
            if not self._probed:
                self.teacher.probe()
                self._probed = True
        return self.teacher.reads_observations

    def advise(self, situation: Situation) -> Advice:
        """Advise; what the teacher raises is told with its `metrics`."""
        try:
            (advice,) = self.teacher.advise([situation])
            return advice
        except Exception as error:
            # A runner that raised would be restarted by RLlib, and raise again, for ever.
            self._bug = f"{type(error).__name__}: {error}"
            return Advice.abstain(self._bug, Abstention.ERROR)

    @ray.method(concurrency_group="free")
    def lookup(self, situation: Situation) -> Advice | None:
        """Advice that costs nothing."""
        return self.teacher.lookup(situation)

    @ray.method(concurrency_group="free")
    def budget_left(self) -> float:
        """Share of the budget that is left."""
        return self.teacher.budget_left()

    @ray.method(concurrency_group="free")
    def metrics(self) -> dict[str, float]:
        """The teacher's totals.

        :raises RuntimeError: the teacher raised: its bugs are not bad answers
        """
        if self._bug:
            raise RuntimeError(f"the teacher raised {self._bug}")
        return dict(self.teacher.metrics())

    @ray.method(concurrency_group="free")
    def close(self) -> None:
        """Write what is left to be written."""
        self.teacher.close()
