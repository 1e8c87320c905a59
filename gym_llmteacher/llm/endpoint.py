"""One model behind one server: single requests, paid for, repeated and adapted to what it takes."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gym_llmteacher.errors import CallFailedError, ServerDownError
from gym_llmteacher.llm import refusals
from gym_llmteacher.llm.accepts import Accepts, arguments
from gym_llmteacher.llm.budget import Budget
from gym_llmteacher.llm.call import Call, Messages, RefusedError
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.limiter import Breaker, Limiter
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.llm.provider_errors import TransientError, translated, words_of
from gym_llmteacher.llm.redact import secrets_of

logger = logging.getLogger(__name__)

_LONGEST_WAIT = 60.0  # seconds; a server that asks for more has given up on us for now
_MOST_CHANGES = 12  # of arguments, for one request


class Endpoint(Locked):
    """Sends requests; parameters as for `Client`, which asks for several samples.

    An argument that the server refuses is left out or changed, and the request is sent again. What
    was learned is kept in ``facts``, so that no other process is refused for the same reason.
    """

    def __init__(
        self,
        model: str,
        options: Mapping[str, Any],
        timeout: float,
        max_retries: int,
        sleep: Callable[[float], None],
        budget: Budget | None,
        limiter: Limiter,
        breaker: Breaker,
        facts: Keeper | None,
    ) -> None:
        super().__init__()
        self.model = model
        self.options = dict(options)
        self.call = Call(model, self.options, timeout, budget, limiter)
        self.max_retries = max_retries
        self.sleep = sleep
        self.breaker = breaker
        self.facts = facts
        # Its own generator: nothing here may draw from a global one. Without jitter, requests that
        # were refused together would come back together.
        self._random = random.Random()
        self._accepts: Accepts | None = None
        self._worked: set[tuple[str, ...]] = set()

    @property
    def accepts(self) -> Accepts:
        """What the model is known to take."""
        with self._lock:
            if self._accepts is None:
                known = None if self.facts is None else self.facts.recall(self._name())
                self._accepts = Accepts.load(known)
            return self._accepts

    def learn(self, found: Accepts) -> None:
        """Remember what the model takes, in the answers file too, and say it once."""
        with self._lock:
            before = self.accepts
            if found == before:
                return
            self._accepts = found
            if self.facts is not None:
                self.facts.remember(self._name(), found.dump())
        logger.warning("%s is %s from now on.", self.model, refusals.changes(before, found))

    def _name(self) -> str:
        where = [self.model, str(self.options.get("api_base") or self.options.get("base_url"))]
        return "accepts:" + hashlib.sha256(json.dumps(where).encode()).hexdigest()[:32]

    def limit(self, params: Mapping[str, Any], tokens: int = 0) -> int | None:
        """The token limit that a request is sent with; ``None``: none."""
        sent = self._arguments(params, 1, tokens, 0)
        value = sent.get("max_tokens", sent.get("max_completion_tokens"))
        return None if value is None else int(value)

    def send(
        self,
        messages: Messages,
        n: int,
        params: Mapping[str, Any],
        ends: float,
        tokens: int = 0,
        shift: int = 0,
    ) -> Any:
        """One response of litellm's, with one choice or more; trouble that may pass is retried.

        :param ends: when to give up, by the monotonic clock
        :param tokens: room that a reply needs, for thoughts that went on for longer than expected
        :param shift: added to the user's ``seed``
        :raises ModelUnavailableError: the model can never answer
        :raises CallFailedError: it did not answer this question
        :raises BudgetSpentError: before a request that could cost more than is left
        """
        from tenacity import RetryCallState, Retrying, retry_if_exception

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, TransientError) else None
            backoff = min(2 ** (state.attempt_number - 1), 30) * self._random.uniform(0.5, 1.5)
            return backoff if asked is None else asked + self._random.uniform(0.0, 0.25)

        def may_pass(error: BaseException) -> bool:
            return isinstance(error, TransientError) and (error.retry_after or 0) <= _LONGEST_WAIT

        def enough(state: RetryCallState) -> bool:
            too_late = time.monotonic() + state.upcoming_sleep >= ends
            return too_late or state.attempt_number > self.max_retries

        if not self.breaker.allows():
            raise ServerDownError(
                f"{self.model} failed {self.breaker.failures} times in a row; it is left alone for "
                f"{self.breaker.pause:g} s."
            )
        errors = _ServerErrors()

        def work() -> Any:
            return self._adapting(messages, n, params, ends, tokens, shift, errors)

        retrying = Retrying(
            sleep=self.sleep, stop=enough, wait=wait, retry=retry_if_exception(may_pass),
            reraise=True,
        )  # fmt: skip
        try:
            response = retrying(work)
        except TransientError as error:
            self.breaker.failed()
            raise CallFailedError(str(error), error.reason) from None
        self.breaker.worked()
        return response

    def _adapting(
        self, messages: Messages, n: int, params: Mapping[str, Any], ends: float, tokens: int,
        shift: int, errors: _ServerErrors,
    ) -> Any:  # fmt: skip
        """One request, sent again without what the server refuses."""
        guess: Accepts | None = errors.guess
        guesses: Iterator[Accepts] | None = None
        for _ in range(_MOST_CHANGES):
            accepts = guess or self.accepts
            sent = self._arguments(params, n, tokens, shift, accepts)
            try:
                response = self.call.make(messages, sent, ends, accepts.system)
            except RefusedError as refused:
                words = words_of(refused.error, secrets_of(self.options))
                found = refusals.adapted(accepts, words, sent, self.options)
                if found is not None and found != accepts:
                    self.learn(found)
                    guess = guesses = None
                    continue
                if guesses is None:
                    bare = tuple(sorted(sent)) in self._worked
                    known = [] if bare else refusals.guesses(accepts, sent, self.options)
                    guesses = iter(known if refused.anonymous else [])
                guess = next(guesses, None)
                if guess is None:
                    why = translated(refused.error, self.model, secrets_of(self.options))
                    if refused.server_error and "n" in sent:
                        errors.count(refusals.lacking(self.accepts, ("n",)))
                    raise why from None
                continue
            if guess is not None:
                self.learn(guess)
            self._worked.add(tuple(sorted(sent)))
            return response
        raise CallFailedError(f"{self.model} refused every form of the request.")

    def _arguments(
        self,
        params: Mapping[str, Any],
        n: int,
        tokens: int,
        shift: int,
        accepts: Accepts | None = None,
    ) -> dict[str, Any]:
        accepts = accepts or self.accepts
        users = self.options
        if shift and isinstance(users.get("seed"), int):
            users = {**users, "seed": users["seed"] + shift}
        if "max_tokens" in params and tokens:
            params = {**params, "max_tokens": max(tokens, int(params["max_tokens"]))}
        return arguments(accepts, params, users, min(n, accepts.samples or n))


class _ServerErrors:
    """Server errors in a row: after the second one, a request may do without its ``n``.

    Older llama.cpp servers answer with a 500 where they do not take it.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.guess: Accepts | None = None

    def count(self, guess: Accepts) -> None:
        self.seen += 1
        self.guess = guess if self.seen >= 2 else None
