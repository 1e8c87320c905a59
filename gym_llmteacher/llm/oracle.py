"""Ask a language model anything: once, within a budget, and keep the reply."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.errors import (
    BudgetSpentError,
    LLMError,
    ModelUnavailableError,
    NoReplyError,
    NotAskedError,
    ServerDownError,
)
from gym_llmteacher.llm import local
from gym_llmteacher.llm.answers import open_answers
from gym_llmteacher.llm.budget import Budget
from gym_llmteacher.llm.client import Client
from gym_llmteacher.llm.counting import Counting
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.leases import Leases
from gym_llmteacher.llm.pause import Pause
from gym_llmteacher.llm.prices import check_price
from gym_llmteacher.llm.question import Question, answer_key
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.redact import redact, secrets_of
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.request_limits import RequestLimits
from gym_llmteacher.llm.spec import model_and_options, sampling_options
from gym_llmteacher.llm.store import Store
from gym_llmteacher.shown import shown

logger = logging.getLogger(__name__)


class Oracle(Counting):
    """A language model with an answers file, a budget and manners.

    A question is asked once: its reply is kept, and whoever asks it again, in another thread,
    process or run, gets the same for nothing. One that failed is tried again, ever more rarely.
    `LLMTeacher` asks one about situations; a curriculum, a reflection or a list of subgoals asks
    it about something else, on the same budget.

    :param model: as for `LLMTeacher`
    :param answers: as for `LLMTeacher`
    :param offline: never call the model
    :param budget: what may be spent with this answers file or store, by all processes, since it was
        made: any of ``calls``, ``tokens`` and ``usd``
    :param process_budget: the same for this object alone; a copy in another process counts by
        itself
    :param limits: any of the fields of `RequestLimits`, each for this process alone
    :raises ModelUnavailableError: ``model`` is no model name (whether it exists is for `probe`)
    :raises TeacherSpecError: unknown arguments, or impossible ones, such as a budget in US dollars
        for a model of which no price is known
    :raises AnswersFileError: the answers file is corrupt or is not one

    Example::

        >>> oracle = Oracle(answers=":memory:")
        >>> question = Question(({"role": "user", "content": "The capital of France is"},),
        ...                     candidates=(" Paris.", " Oslo."), kind="quiz")
        >>> [[(best, _)], _] = oracle.ask(question).logprobs
        >>> best, oracle.ask(question).stored, oracle.metrics()["calls"]
        (' Paris.', True, 1.0)
    """

    def __init__(
        self,
        model: str | Mapping[str, Any] | None = None,
        answers: str | os.PathLike[str] | Store | None = None,
        *,
        offline: bool = False,
        budget: Mapping[str, float] | None = None,
        process_budget: Mapping[str, float] | None = None,
        **limits: Any,
    ) -> None:
        super().__init__("failed", "over_budget", "deferred")
        self.model, options = model_and_options(model)
        self.limits = RequestLimits.of(limits)
        self.offline = offline
        self.answers = open_answers(answers)
        self.answers.check(writes=not offline)
        self.keeper = Keeper(self.answers)
        self.budget = Budget(budget, process_budget, self.keeper)
        if not offline and min(self.budget.limits.usd, self.budget.process_limits.usd) < math.inf:
            check_price(self.model, options)
        self.client = Client(
            self.model,
            options,
            timeout=self.limits.timeout,
            max_retries=self.limits.max_retries,
            deadline=self.limits.deadline,
            budget=self.budget,
            limiter=self.limits.limiter(),
            facts=self.keeper,
        )
        self.leases = Leases(self.keeper)
        self._told_of_budget = False
        self._failures: Bounded[str, Pause] = Bounded()

    def ask(self, question: Question) -> Reply:
        """The reply, from the answers file or else from the model; safe for several threads.

        :return: ``stored`` tells whether it was there already
        :raises NoReplyError: there is none; ``reason`` says why. Keys are not in the message
        """
        try:
            return self._ask(question)
        except ModelUnavailableError as error:
            self._fail(self.key(question), "failed")
            logger.warning("no reply: %s", error)
            raise NoReplyError(str(error)) from None

    def _ask(self, question: Question) -> Reply:
        """As `ask`, but a model that can never answer is an error of its own kind."""
        key = self.key(question)
        try:
            reply = self._reply(key, question)
        except ModelUnavailableError:
            raise
        except BudgetSpentError as error:
            self._over_budget(key, str(error))
            raise
        except (ServerDownError, NotAskedError):
            # A server that is down is no failure of this question: asked as soon as it is back.
            self.count(deferred=1)
            raise
        except Exception as error:
            # Whatever went wrong with one question, a training goes on.
            said, reason = why_not(error)
            why = redact(said, secrets_of(self.client.options))
            self._fail(key, "failed")
            logger.warning("no reply: %s", shown(why))
            raise NoReplyError(why, reason) from None
        if not reply.missing:
            self._failures.pop(key, None)
        return reply

    def lookup(self, question: Question) -> Reply | None:
        """The reply if it costs nothing: from the answers file."""
        return self._known(self.key(question))

    def _reply(self, key: str, question: Question) -> Reply:
        known = self._known(key)
        if known is not None and (self.offline or not known.missing):
            return known
        if self.offline:
            raise NotAskedError("offline, and the answers file does not know", Abstention.OFFLINE)
        pause = self._failures.get(key)
        if pause is not None and not pause.over():
            if known is not None:
                return known
            raise NotAskedError("asking failed before; waiting before the next attempt")
        ends = time.monotonic() + self.client.seconds(question.n)
        try:
            return self.leases.once(
                key, ends, lambda: self._whole(key), lambda: self._asked(key, question, ends)
            )
        except NotAskedError:
            if known is None:
                raise
            return known

    def _known(self, key: str) -> Reply | None:
        reply = self.keeper.get(key)
        return None if reply is None else replace(reply, stored=True)

    def _whole(self, key: str) -> Reply | None:
        reply = self._known(key)
        return None if reply is None or reply.missing else reply

    def _asked(self, key: str, question: Question, ends: float) -> Reply:
        """Ask for what is not known, and keep the reply before anything is made of it."""
        known = self._known(key)
        had = question.n - known.missing if known else 0
        try:
            reply, trouble = self.client.ask_for(
                question.messages, question.n, had=had, brief=question.brief, ends=ends,
                **question.sent,
            )  # fmt: skip
        except NoReplyError as error:
            if known is None:
                raise
            reply, trouble = Reply((), calls=0, missing=known.missing), error
        if reply.missing and trouble is not None:
            self._broken_off(key, reply.missing, trouble)
        whole = reply if known is None else known + reply
        prompt = [dict(message) for message in question.messages]
        return self.keeper.add(
            Record(key, self.model, question.kind, question.text, prompt, whole.as_dict())
        )

    def _broken_off(self, key: str, missing: int, trouble: LLMError) -> None:
        """Some samples are missing: use those there are, and ask for the rest later."""
        if isinstance(trouble, BudgetSpentError):
            self._over_budget(key, str(trouble))
        else:
            self._fail(key, "failed")
            logger.warning(
                "%d samples are missing, the others are used: %s", missing, shown(str(trouble))
            )

    def _over_budget(self, key: str, message: str) -> None:
        if not self._told_of_budget:
            self._told_of_budget = True
            logger.warning("%s", shown(message))
        self._fail(key, "over_budget")

    def key(self, question: Question) -> str:
        """Identity of a question in the answers file."""
        options = sampling_options(self.client.options)
        params = {**question.sent, **options, "n": question.n}
        return answer_key(self.model, question.kind, question.messages, params)

    def probe(self, question: Question) -> Reply | None:
        """Ask a question as all others will be asked, to learn early that a model cannot answer.

        It costs what a question costs, within the budget, and is asked once per answers file. For
        the embedded model, its weights and xllamacpp are looked for instead.

        :return: the reply; ``None`` where there is none now (the server is down or overloaded, the
            budget is spent, the oracle is offline), which is no error
        :raises ModelUnavailableError: unknown model or provider, missing or refused key, no
            log-probabilities where the question wants them
        """
        if local.is_local(self.model):
            if not self.offline:
                local.find_weights(self.model)
                local.check_runtime()
            return None
        try:
            reply = self._ask(question)
        except NotAskedError:
            return None
        except NoReplyError as error:
            logger.warning("%s The teacher abstains until it answers.", error)
            return None
        if "logprobs" in question.params and not any(reply.logprobs):
            raise ModelUnavailableError(
                f"model {self.model!r} returned no log-probabilities, expected them for "
                f"elicitation={question.kind!r}. Cure: leave elicitation out."
            )
        return reply

    def budget_left(self) -> float:
        """Share of the tightest limit that is left, in [0, 1]."""
        return self.budget.left()

    def _fail(self, key: str, counter: str) -> None:
        pause = self._failures.get(key) or Pause()
        pause.fail()
        self._failures[key] = pause
        self.count(**{counter: 1})

    def metrics(self) -> dict[str, float]:
        """Running totals of this process.

        ``calls``: answered requests to the model; ``prompt_tokens``, ``completion_tokens``,
        ``cost_usd``, ``seconds``: what these took. ``failed``: questions without a reply after all
        retries; ``over_budget``; ``deferred``: not asked, since the server is down, the question
        failed before, or the oracle is offline. ``rejected_<reason>``: samples that were paid for
        and are no answers.
        """
        return {**self.client.totals(), **self.totals()}

    def close(self) -> None:
        """Close the answers file; the next question opens it again."""
        self.keeper.close()


def why_not(error: Exception) -> tuple[str, Abstention]:
    """Message and reason of an error, for advice that abstains because of it."""
    reason = error.reason if isinstance(error, NoReplyError) else Abstention.ERROR
    return str(error) or type(error).__name__, reason
