"""The representative, in any process of a Ray cluster, of a teacher that lives in an actor."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.rllib.service import TeacherService
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.make import TeacherSpec

_ONE_ROW = np.zeros((1, 1), dtype=np.float32)
_FREE_THREADS = 4


class RayTeacher(Locked, Teacher):
    """Asks the teacher in the actor of this name, and remembers what it said.

    What options would do stays here; so does the observation, unless the teacher reads it. An actor
    that ended, and does not come back, abstains.

    :param name: of an actor that `start` has made, in this Ray namespace

    Example::

        import ray
        from gym_llmteacher.rllib import RayTeacher, TeacherPPOConfig

        ray.init()
        teacher = RayTeacher.start("openai/gpt-4o-mini", name="one-for-all", detached=True)
        config = TeacherPPOConfig().teacher(teacher)      # of many trainings

    Change log: 0.1.0 - added.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._forget()

    def _forget(self) -> None:
        self._memo: Bounded[str, Advice] = Bounded()
        self._actor: Any = None
        self._reads: bool | None = None
        self._totals = {"asked": 0.0, "hits": 0.0}

    @classmethod
    def start(
        cls,
        spec: TeacherSpec = None,
        *,
        name: str | None = None,
        workers: int = 16,
        answers: str | os.PathLike[str] | None = None,
        elicitation: Any = None,
        num_cpus: float = 0,
        detached: bool = False,
    ) -> RayTeacher:
        """Start the actor, and check that its teacher can be asked.

        :param spec: who teaches, as for `LLMTeacherWrapper`
        :param name: by which other processes find it; ``None``: one of its own
        :param workers: questions open at once
        :param answers: the answers file or Redis server, for language models
        :param elicitation: how to ask, for language models
        :param num_cpus: that Ray sets aside for it
        :param detached: whether it outlives the process that starts it
        :raises ModelUnavailableError: unknown model, missing key, missing weights
        :raises TeacherSpecError: ``spec`` names no teacher, or a number cannot be
        """
        if workers < 1 or num_cpus < 0:
            raise TeacherSpecError(
                f"workers is {workers!r} and num_cpus is {num_cpus!r}; expected one worker or more "
                "and no negative number of CPUs."
            )
        name = name or f"teacher-{uuid.uuid4().hex}"
        given = {"answers": answers, "elicitation": elicitation}
        remote = ray.remote(concurrency_groups={"free": _FREE_THREADS})(TeacherService)
        teacher = cls(name)
        teacher._actor = remote.options(
            name=name, max_concurrency=workers, num_cpus=num_cpus, max_restarts=-1,
            max_task_retries=3, lifetime="detached" if detached else None,
        ).remote(spec, given)  # fmt: skip
        try:
            teacher.probe()
        except BaseException:
            teacher.stop()
            raise
        return teacher

    @property
    def actor(self) -> Any:
        """Handle of the actor.

        :raises ValueError: there is none of this name
        """
        if self._actor is None:
            self._actor = ray.get_actor(self.name)
        return self._actor

    @property
    def reads_observations(self) -> bool:
        """Whether the teacher over there does."""
        if self._reads is None:
            self.probe()
        return bool(self._reads)

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise on every situation; the questions among them are asked side by side."""
        found = [self.cached(here) or self._ask(here) for here in situations]
        advices = [item if isinstance(item, Advice) else self._answer(item) for item in found]
        for here, advice in zip(situations, advices, strict=True):
            self._remember(here, advice)
        return advices

    def cached(self, situation: Situation) -> Advice | None:
        """Advice that has come to this process before."""
        advice = self._memo.get(situation.key)
        if advice is not None:
            self._count(hits=1)
        return advice

    def lookup(self, situation: Situation) -> Advice | None:
        """Advice that costs nothing: remembered here, or over there, or in the answers file."""
        advice = self.cached(situation)
        if advice is None:
            with contextlib.suppress(RayError, ValueError):
                advice = ray.get(self._call("lookup", situation))
            if advice is not None:
                self._count(hits=0)
                self._remember(situation, advice)
        return advice

    def _ask(self, here: Situation) -> Any:
        self._count(hits=0)
        return self._call("advise", here)

    def _count(self, hits: int) -> None:
        with self._lock:
            self._totals["asked"] += 1
            self._totals["hits"] += hits

    def _remember(self, here: Situation, advice: Advice) -> None:
        if not (advice.abstained or advice.provisional):
            self._memo[here.key] = advice

    def _call(self, method: str, here: Situation) -> Any:
        """Have something done about a situation: a reference to what comes of it, or ``None``."""
        if not self.reads_observations:
            here = dataclasses.replace(here, obs=None)
        try:
            return getattr(self.actor, method).remote(
                dataclasses.replace(here, option_actions=_ONE_ROW)
            )
        except (ValueError, RayError):
            return None

    def _answer(self, reference: Any) -> Advice:
        try:
            if reference is not None:
                advice: Advice = ray.get(reference)
                return advice
        except RayError:
            pass
        return Advice.abstain("the teacher's actor has ended", Abstention.ERROR)

    def probe(self) -> None:
        """Check the teacher over there; it is probed once, whoever asks first.

        :raises ModelUnavailableError: it cannot be asked at all
        :raises TeacherSpecError: there is no such actor
        """
        try:
            self._reads = ray.get(self.actor.probe.remote())
        except ValueError as error:
            raise TeacherSpecError(
                f"there is no actor named {self.name!r} here ({error}). RayTeacher.start(...) "
                "makes one; detached=True has it outlive its maker."
            ) from None
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            raise TeacherSpecError(f"the teacher's actor could not start: {error}") from None

    def budget_left(self) -> float:
        """Share of the budget that is left over there; 0 where nobody can be asked."""
        try:
            return float(ray.get(self.actor.budget_left.remote()))
        except (RayError, ValueError):
            return 0.0

    def metrics(self) -> dict[str, float]:
        """``asked`` and ``hits`` of this process; for the teacher's own: `service_metrics`."""
        with self._lock:
            return dict(self._totals)

    def service_metrics(self) -> dict[str, float]:
        """Totals of the one teacher, and ``budget_left``; empty while its actor is away.

        :raises RuntimeError: the teacher raised
        """
        try:
            totals, left = ray.get([self.actor.metrics.remote(), self.actor.budget_left.remote()])
        except RayTaskError as error:
            raise RuntimeError(str(error.cause)) from None
        except (RayError, ValueError):
            return {}
        return {**totals, "budget_left": left}

    def stop(self) -> None:
        """End the actor, for everybody."""
        with contextlib.suppress(RayError, ValueError):
            ray.get(self.actor.close.remote(), timeout=10.0)
        with contextlib.suppress(RayError, ValueError):
            ray.kill(self.actor)

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._forget()
