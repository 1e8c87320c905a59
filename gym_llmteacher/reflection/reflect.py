"""Let a language model reflect on what it lost; what it makes of it stays if it plays better.

After Agent-Pro (arXiv 2402.17574): depth-first over a few candidates, each judged by play.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym

from gym_llmteacher.errors import BudgetSpentError, TeacherSpecError
from gym_llmteacher.experience.experience import Experience
from gym_llmteacher.experience.origin import goal_of
from gym_llmteacher.groundings.base import Grounding
from gym_llmteacher.playing.play import play
from gym_llmteacher.playing.record import Record
from gym_llmteacher.reflection.cases import cases
from gym_llmteacher.reflection.paired import compared
from gym_llmteacher.reflection.proposals import Proposal, proposals
from gym_llmteacher.reflection.report import Reflection, Tried
from gym_llmteacher.teachers.llm import LLMTeacher
from gym_llmteacher.teachers.make import TeacherSpec, make_teacher

MakeEnv = Callable[[], gym.Env[Any, Any]]
JUDGED_FROM = 100_000
"""Added to the first seed, for the episodes that candidates are judged by."""
LEVEL = 0.05
"""Chance that anything stays that is no better, over all candidates together (Bonferroni)."""


def reflect(
    teacher: TeacherSpec,
    env: gym.Env[Any, Any] | MakeEnv,
    candidates: int = 6,
    *,
    episodes: int = 50,
    texts: int = 5,
    seed: int = 0,
    grounding: Grounding | None = None,
    experience: Experience | str | os.PathLike[str] | None = None,
    max_steps: int | None = None,
    watch: Callable[[Tried], None] | None = None,
) -> Reflection:
    """Let a language model look at the episodes it lost, and keep what makes it play better.

    It plays. For the texts that cost most episodes it is told what it advised, what was tried and
    what happened, and (a) asked again, (b) asked for a short rule for all its prompts. Each of
    these is a candidate: it plays other seeds than those reflected on, the same as before it. What
    is better by a paired test stays, and is reflected on in turn; else the next one is tried.

    Every question goes through the teacher's oracle: it is paid once, counts towards the budget,
    and is kept. When the budget is spent, what was found so far is returned.

    :param teacher: an `LLMTeacher`, or what `make_teacher` makes one of
    :param env: an env without a teacher, which stays open, or a function that makes one
    :param candidates: to be tried at most
    :param episodes: that are reflected on, and as many others that candidates are judged by
    :param texts: how many of the worst are reflected on
    :param seed: of the first episode; candidates are judged from ``seed + 100_000`` on
    :param grounding: how to describe the env; ``None`` finds one by the env
    :param experience: what came of other options there, for example of `practise`, or the file of
        it: the model is told of it too
    :param max_steps: env steps per episode at most; ``None``: as the env has it
    :param watch: called after every candidate
    :raises TeacherSpecError: the teacher is no language model, or a number that cannot be
    :raises ExperienceError: the file is none
    :raises GroundingError: no grounding knows the env
    :raises ModelUnavailableError: the model cannot be asked at all

    Example::

        >>> from gym_llmteacher.testing import FakeLLMServer
        >>> with FakeLLMServer("key") as server:
        ...     teacher = LLMTeacher({**server.model, "answers": ":memory:"})
        ...     found = reflect(teacher, lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                     candidates=1, episodes=2)
        >>> found.stopped, found.guideline
        ('candidates', Guideline(rule='', notes={}))

    Change log: 0.1.0 - added.
    """
    for name, number in {"candidates": candidates, "episodes": episodes, "texts": texts}.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise TeacherSpecError(f"{name} is {number!r}, expected a whole number of 1 or more.")
    asked = make_teacher(teacher)
    if not isinstance(asked, LLMTeacher):
        raise TeacherSpecError(
            f"reflect got a {type(asked).__name__}, expected a language model: LLMTeacher(...) or "
            "its name. Others cannot look at what they did; practise(teacher, env) needs none."
        )
    known = (
        Experience.load(experience) if isinstance(experience, (str, os.PathLike)) else experience
    )
    game = _Game(env, grounding, episodes, seed, max_steps)
    return _Search(game, asked, known, texts).run(candidates, watch)


class _Game:
    """The episodes that are reflected on, and those that candidates are judged by."""

    def __init__(
        self, env: gym.Env[Any, Any] | MakeEnv, grounding: Grounding | None, episodes: int,
        seed: int, max_steps: int | None,
    ) -> None:  # fmt: skip
        self._env, self._grounding = env, grounding
        self._episodes, self._seed, self._max_steps = episodes, seed, max_steps
        self.steps = 0
        self.goal: float | None = None

    def play(self, teacher: LLMTeacher, *, judged: bool) -> Record:
        """Let a teacher play; candidates are judged by seeds that nobody reflected on.

        :raises BudgetSpentError: it could not ask all that it had to
        """
        from gym_llmteacher.wrappers.teacher import LLMTeacherWrapper

        def wrapped() -> gym.Env[Any, Any]:
            made = self._env if isinstance(self._env, gym.Env) else self._env()
            self.goal = goal_of(made)
            return LLMTeacherWrapper(made, teacher, self._grounding)

        spent = teacher.metrics().get("abstained_over_budget", 0.0)
        record = play(
            wrapped() if isinstance(self._env, gym.Env) else wrapped, "teacher", self._episodes,
            seed=self._seed + JUDGED_FROM * judged, max_steps=self._max_steps, texts=not judged,
        )  # fmt: skip
        self.steps += record.steps
        if teacher.metrics().get("abstained_over_budget", 0.0) > spent:
            raise BudgetSpentError("the budget was spent while the teacher played")
        return record


class _Search:
    """Depth-first: what stays is reflected on before what it was made of is again."""

    def __init__(
        self, game: _Game, teacher: LLMTeacher, experience: Experience | None, texts: int
    ) -> None:
        self.game, self.best, self.texts = game, teacher, texts
        self._experience = experience
        self._played: Record | None = None
        self.tried: list[Tried] = []

    def run(self, candidates: int, watch: Callable[[Tried], None] | None) -> Reflection:
        first, before = self.best, None
        paid = first.metrics()
        stopped = "candidates"
        try:
            before = self._played = self.game.play(first, judged=True)
            stack = [self._proposals()]
            while len(self.tried) < candidates:
                proposal = next(stack[-1], None)
                if proposal is not None:
                    kept = self._stays(proposal, LEVEL / candidates)
                    if watch is not None:
                        watch(self.tried[-1])
                    if kept and self._share(self._played) == 1.0:
                        stopped = "nothing lost"
                        break
                    if kept:
                        stack.append(self._proposals())
                    continue
                stack.pop()
                if not stack:
                    stopped = "nothing left to try" if self.tried else "nothing lost"
                    break
        except BudgetSpentError:
            stopped = "budget"
        now = self.best.metrics()
        spent = {name: now[name] - paid.get(name, 0.0) for name in ("calls", "cost_usd")}
        return Reflection(
            self.best.guideline, self.best, tuple(self.tried), self._share(before),
            self._share(self._played), self.game.steps, spent, stopped,
        )  # fmt: skip

    def _proposals(self) -> Iterator[Proposal]:
        """What follows from how the best one so far loses."""
        record = self.game.play(self.best, judged=False)
        worst = cases(record, self._experience, self.texts, self.game.goal)
        return proposals(self.best.oracle, self.best.guideline, worst)

    def _stays(self, proposal: Proposal, level: float) -> bool:
        assert self._played is not None
        if any(one.guideline == proposal.guideline for one in self.tried):
            return False
        other = self.best.guided(proposal.guideline)
        record = self.game.play(other, judged=True)
        result = compared(self._played, record, Experience(goal=self.game.goal))
        stays = result.p < level
        self.tried.append(
            Tried(proposal.kind, proposal.words, proposal.guideline, self._share(self._played),
                  self._share(record), result, stays)
        )  # fmt: skip
        if stays:
            self.best, self._played = other, record
        return stays

    def _share(self, record: Record | None) -> float:
        """Share of episodes won; NaN where nothing was played."""
        known = Experience(goal=self.game.goal)
        won = [known.won(episode) for episode in record.episodes] if record is not None else []
        return sum(won) / len(won) if won else float("nan")
