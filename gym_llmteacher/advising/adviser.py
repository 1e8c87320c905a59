"""From situations to priors: the one place where every wrapper asks its teacher."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.advice import Advice
from gym_llmteacher.advising.asker import Asker, saved_questions
from gym_llmteacher.advising.background import BackgroundAdvisor
from gym_llmteacher.advising.conditions import Condition, StudentUncertain
from gym_llmteacher.advising.named import condition_of
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.prior import Pending, check_smoothing, prior_from, uniform_prior
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher

K = TypeVar("K")
Weight = float | NDArray[np.float32]


class Taught(NamedTuple):
    """What is put beside one observation.

    :param prior: float32 ``(n_actions,)``; of several action dimensions one after the other
    :param weight: a float in [0, 1]; of several action dimensions float32 ``(n_dims,)``
    :param pending: what has not been answered so far, if anything
    :param value: what the teacher's record says of this situation, like ``weight``, NaN where it
        says nothing; ``None``: it says nothing at all
    """

    prior: NDArray[np.float32]
    weight: Weight
    pending: Pending | None = None
    value: Weight | None = None

    def info(self) -> dict[str, Any]:
        """As the entries of an info."""
        entries: dict[str, Any] = {"teacher_prior": self.prior, "teacher_weight": self.weight}
        if self.value is not None:
            entries["teacher_value"] = self.value
        return entries if self.pending is None else {**entries, "teacher_pending": self.pending}


class Adviser:
    """Decides when to ask, asks at once or in the background, and makes priors of the advice.

    `LLMTeacherWrapper`, `VecTeacher` and `VectorTeacher` each hold one: whatever it can do, all of
    them can. What is known already is used in any case. Where nothing is asked, the last advice of
    the episode stands, as far as its options still apply.

    :param teacher: who is asked; it is probed at construction
    :param sizes: number of actions of each action dimension; Discrete has one dimension
    :param n_envs: number of envs
    :param ask: when to ask, or its words (`condition_of`); ``None``: about every observation
    :param smoothing: support floor: ``prior = (1 - smoothing) * prior + smoothing / n_actions``
    :param workers: questions open at once, asked in the background while stepping goes on; 0: every
        answer is waited for
    :param late_timeout: seconds that `late` waits
    :param owns_teacher: whether `close` closes the teacher, too: nobody else asks it
    :raises PriorError: ``smoothing`` outside [0, 1)
    :raises ConditionError: ``ask`` is no condition
    :raises TeacherSpecError: a negative number of workers or seconds
    :raises ModelUnavailableError: the teacher cannot be asked at all

    Example::

        >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
        >>> here = Situation("sees nothing", ("explore",), np.eye(1, 2, dtype=np.float32))
        >>> adviser = Adviser(ScriptedTeacher(lambda situation: ("explore",)), (2,), smoothing=0.0)
        >>> adviser.advise((here,), obs=None).prior.tolist()
        [1.0, 0.0]
    """

    def __init__(
        self,
        teacher: Teacher,
        sizes: tuple[int, ...],
        n_envs: int = 1,
        *,
        ask: Condition | str | None = None,
        smoothing: float = 0.02,
        workers: int = 0,
        late_timeout: float = 5.0,
        owns_teacher: bool = False,
    ) -> None:
        check_smoothing(smoothing)
        if workers < 0 or late_timeout < 0:
            raise TeacherSpecError(
                f"workers is {workers!r} and late_timeout is {late_timeout!r}; expected no "
                "negative numbers. With workers=0 every answer is waited for."
            )
        self.teacher, self.sizes = teacher, sizes
        self.ask = ask = condition_of(ask)
        self.smoothing, self.late_timeout = float(smoothing), float(late_timeout)
        self._askers = ask and [[Asker(ask, teacher, i) for _ in sizes] for i in range(n_envs)]
        self._reads_observations = teacher.reads_observations
        self._owns_teacher = owns_teacher
        self._late = self._came_late = 0
        self.said: list[Pending] = [Pending((), ())] * n_envs
        """By env: the situations asked about last, and the advice there was."""
        teacher.probe()
        self.background = BackgroundAdvisor(teacher, workers) if workers else None

    def use(self, teacher: Teacher) -> None:
        """Ask another one from now on."""
        self.teacher = teacher
        if self.background is not None:
            # What it remembers by the words alone is the old teacher's.
            self.background.close()
            self.background = BackgroundAdvisor(teacher, self.background.workers)
        for asker in (asker for askers in self._askers or () for asker in askers):
            asker.teacher = teacher

    def start(self, env: int = 0) -> None:
        """Begin an episode."""
        for asker in self._askers[env] if self._askers else ():
            asker.reset()

    def silent(self, env: int = 0) -> Taught:
        """What is put beside an observation that is not asked about."""
        self.said[env] = Pending((), ())
        n = len(self.sizes)
        return Taught(uniform_prior(*self.sizes), 0.0 if n == 1 else np.zeros(n, np.float32))

    def advise(self, situations: tuple[Situation, ...], obs: Any, env: int = 0) -> Taught:
        """Prior for one observation.

        :param situations: one per action dimension
        :param obs: the observation that they describe
        """
        if self._reads_observations:
            situations = tuple(
                s if s.obs is not None else dataclasses.replace(s, obs=obs) for s in situations
            )
        if self._askers:
            askers = self._askers[env]
            advices = tuple(
                self._asked(*pair, obs) for pair in zip(askers, situations, strict=True)
            )
        elif self.background is not None:
            advices = tuple(map(self.background.advice, situations))
        else:
            advices = tuple(self.teacher.advise(situations))
        pending = self.said[env] = Pending(situations, advices)
        taught = self._prior(pending)
        if None not in advices:
            return taught
        self._late += 1
        return taught._replace(pending=pending)

    def elsewhere(self, situation: Situation | None) -> tuple[NDArray[np.float32], float] | None:
        """Prior and weight for a situation that no env is in.

        Of a goal that hindsight gives, for example. Where there is a condition to asking, only what
        is known is used.

        :param situation: ``None``: there are no words for it
        :return: ``None`` if the answer is not there yet
        """
        if situation is None or self._reads_observations or len(self.sizes) > 1:
            return uniform_prior(*self.sizes), 0.0
        source = self.teacher if self.background is None else self.background
        advice = source.lookup(situation)
        if advice is None and self._askers is None:
            if self.background is None:
                (advice,) = self.teacher.advise([situation])
            else:
                advice = self.background.advice(situation)
        return None if advice is None else prior_from(advice, situation, self.smoothing)

    def _asked(self, asker: Asker, situation: Situation, obs: Any) -> Advice | None:
        """Advice as far as the condition is for it; ``None`` where the answer is on its way."""
        source = self.teacher if self.background is None else self.background
        advice = source.lookup(situation)
        waiting = (
            advice is None and self.background is not None and self.background.is_asked(situation)
        )
        if asker.asks(situation, obs, known=waiting or advice is not None):
            if self.background is None:
                (advice,) = self.teacher.advise([situation])
            else:
                advice = self.background.advice(situation)
                waiting = advice is None
        return None if waiting else asker.settled(advice, situation)

    def _prior(self, asked: Pending) -> Taught:
        rows = [
            (uniform_prior(n), 0.0) if advice is None else prior_from(advice, here, self.smoothing)
            for here, advice, n in zip(*asked, self.sizes, strict=True)
        ]
        known = [None if advice is None else advice.value for advice in asked.advices]
        if len(rows) == 1:
            return Taught(*rows[0], value=known[0])
        weights = np.array([weight for _, weight in rows], dtype=np.float32)
        values = None if all(v is None for v in known) else np.array(known, dtype=np.float32)
        return Taught(np.concatenate([prior for prior, _ in rows]), weights, value=values)

    def hear(self, reward: float, over: bool, env: int = 0) -> None:
        """Tell the conditions what a step of an env led to."""
        for asker in self._askers[env] if self._askers else ():
            asker.hear(reward, over)

    def late(
        self, pending: Mapping[K, Pending], timeout: float | None = None
    ) -> Iterator[tuple[K, NDArray[np.float32], Weight]]:
        """Wait for answers that were not there at once.

        :param pending: what `advise` left open, by any key
        :param timeout: seconds in all; ``None``: those of the constructor
        :return: key, prior and weight of those of which something has arrived
        """
        if self.background is None:
            return
        missing = {
            here.key: here
            for asked in pending.values()
            for here, advice in zip(*asked, strict=True)
            if advice is None
        }
        self.background.wait(missing.values(), self.late_timeout if timeout is None else timeout)
        arrived = {key: self.background.advice(here) for key, here in missing.items()}
        for key, asked in pending.items():
            advices = tuple(
                arrived[here.key] if advice is None else advice
                for here, advice in zip(*asked, strict=True)
            )
            if advices != asked.advices:
                self._came_late += None not in advices
                answered = Pending(asked.situations, advices)
                self._note(answered)
                taught = self._prior(answered)
                yield key, taught.prior, taught.weight

    def _note(self, answered: Pending) -> None:
        """Where these situations are the present ones, this is what is said to them."""
        keys = [here.key for here in answered.situations]
        for env, said in enumerate(self.said):
            if None in said.advices and [here.key for here in said.situations] == keys:
                self.said[env] = said._replace(advices=answered.advices)

    def watch(self, student: Any) -> None:
        """Let conditions look at this student from now on (`StudentUncertain`)."""
        for part in self.ask.parts() if self.ask else ():
            if isinstance(part, StudentUncertain):
                part.watch(student)

    def metrics(self) -> dict[str, float]:
        """Totals of the teacher, and of the asking.

        ``saved_<condition>``: questions not asked because of it; with ``workers``, ``late``: steps
        whose answer was not there at once, and ``came_late``: those of them it was there for in
        time.
        """
        late = {"late": float(self._late), "came_late": float(self._came_late)}
        own = late if self.background is not None else {}
        return {**self.teacher.metrics(), **own, **saved_questions(self.ask)}

    def close(self) -> None:
        """Give up open questions."""
        if self.background is not None:
            self.background.close()
        if self._owns_teacher:
            self.teacher.close()
