"""One thin client over litellm: lazy import, always a deadline, one bounded retry loop."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.errors import CallFailedError, ServerDownError
from gym_llmteacher.llm import local
from gym_llmteacher.llm.budget import Budget, Taken
from gym_llmteacher.llm.deadline import within
from gym_llmteacher.llm.limiter import Breaker, Limiter
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.llm.prices import price
from gym_llmteacher.llm.provider_errors import TransientError, translated
from gym_llmteacher.llm.redact import redact_reply, secrets_of
from gym_llmteacher.llm.reply import Reply, TokenLogprobs
from gym_llmteacher.llm.store import Spend

logger = logging.getLogger(__name__)
Messages = Sequence[Mapping[str, str]]

_LONGEST_WAIT = 60.0  # seconds; a server that asks for more has given up on us for now


class Client:
    """Asks one model; safe to use from several threads, and picklable.

    :param model: a litellm model name, or ``local/smollm2-135m``
    :param options: litellm's own arguments for every call (``api_base``, ``api_key``,
        ``temperature``, ...)
    :param timeout: seconds until one request is given up
    :param max_retries: how often a request is repeated after trouble that may pass (time-outs,
        refused connections, statuses 408, 429 and 5xx, unreadable responses)
    :param budget: asked before every request
    :param limiter: waits for its turn before every request
    :param breaker: stops asking a server that is down
    :param sleep: how to wait between attempts, ``sleep(seconds)``
    :param deadline: seconds until a question is given up, with all its requests and pauses
        (``None``: twice ``timeout``, for each request it takes)
    """

    def __init__(
        self,
        model: str,
        options: Mapping[str, Any] | None = None,
        timeout: float = 60.0,
        max_retries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
        budget: Budget | None = None,
        limiter: Limiter | None = None,
        breaker: Breaker | None = None,
        deadline: float | None = None,
    ) -> None:
        self.model = model
        self.options = dict(options or {})
        self.timeout = timeout
        self.max_retries = max_retries
        self.deadline = deadline
        self.sleep = sleep
        self.budget = budget
        self.limiter = limiter or Limiter()
        self.breaker = breaker or Breaker()
        # Its own generator: nothing here may draw from a global one. Without jitter, requests that
        # were refused together would come back together.
        self._random = random.Random()
        self._takes_n: bool | None = None  # not known before the first reply

    def seconds(self, n: int = 1) -> float:
        """How long a question for ``n`` samples may take in all."""
        load_litellm()  # takes seconds the first time, which no question should pay for
        at_once = self.samples_at_once(n)
        return self.deadline or 2 * self.timeout * (1 if at_once else n)

    def ask(
        self, messages: Messages, n: int = 1, *, ends: float | None = None, **params: Any
    ) -> Reply:
        """Ask for ``n`` samples: one request where the model can, else up to ``n`` requests.

        :param ends: when to give up, by the monotonic clock (default: after `seconds`)
        :param params: sampling parameters; options of the client win over them
        :raises ModelUnavailableError: the model can never answer (key, name, parameters)
        :raises CallFailedError: it did not answer this question
        """
        at_once = self.samples_at_once(n)
        ends = time.monotonic() + self.seconds(n) if ends is None else ends
        reply = self._request(messages, n if at_once else 1, params, ends)
        while len(reply.texts) < n and reply.calls < n:
            if self._takes_n:
                self._takes_n = False  # it was asked for n, and ignored that
            reply = reply + self._request(messages, 1, params, ends)
        if not reply.texts:
            raise CallFailedError(f"{self.model} returned no choices.", Abstention.INVALID_FORMAT)
        return reply

    def probe(self, messages: Messages, **params: Any) -> Reply | None:
        """Ask once, for a few tokens, to learn early that a model can never answer.

        :return: the reply, or ``None`` where it could not be had now (server down, overloaded)
        :raises ModelUnavailableError: unknown model or provider, refused or missing key, parameters
            the model does not take; for the embedded model, missing weights or xllamacpp
        """
        if local.is_local(self.model):
            local.find_weights(self.model)
            local.check_runtime()
            return None
        # Reasoning models refuse a limit of one token.
        short = {**self.options, "max_tokens": 16}
        short.pop("max_completion_tokens", None)
        hasty = Client(self.model, short, self.timeout, max_retries=0, sleep=self.sleep)
        try:
            return hasty._request(messages, 1, params)
        except CallFailedError as error:
            logger.warning("%s The teacher abstains until it answers.", error)
            return None

    def samples_at_once(self, n: int) -> bool:
        """Whether ``n`` samples are asked for with one request, as far as that is known."""
        if n > 1 and self._takes_n is None:
            try:
                supported = load_litellm().get_supported_openai_params(self.model) or ()
            except Exception:
                supported = ()
            self._takes_n = local.is_local(self.model) or "n" in supported
        return n > 1 and bool(self._takes_n)

    def _request(
        self, messages: Messages, n: int, params: Mapping[str, Any], ends: float = math.inf
    ) -> Reply:
        """One request, repeated while the trouble may pass.

        :param ends: when to give up, by the monotonic clock
        :raises BudgetSpentError: before a request that could cost more than is left
        """
        from tenacity import (
            RetryCallState,
            Retrying,
            retry_if_exception,
        )

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

        retrying = Retrying(
            sleep=self.sleep,
            stop=enough,
            wait=wait,
            retry=retry_if_exception(may_pass),
            reraise=True,
        )
        if not self.breaker.allows():
            raise ServerDownError(
                f"{self.model} failed {self.breaker.failures} times in a row; it is left alone for "
                f"{self.breaker.pause:g} s."
            )
        started = time.monotonic()
        try:
            response = retrying(self._once, messages, n, params, ends)
        except TransientError as error:
            self.breaker.failed()
            raise CallFailedError(str(error), error.reason) from None
        self.breaker.worked()
        return self._reply(response, time.monotonic() - started)

    def _once(self, messages: Messages, n: int, params: Mapping[str, Any], ends: float) -> Any:
        if local.is_local(self.model):
            self.probe(messages)  # litellm would wrap "weights are missing" beyond recognition
        arguments = {
            "timeout": max(0.01, min(self.timeout, ends - time.monotonic())),
            **params,
            **({"n": n} if n > 1 else {}),
            **self.options,
            # litellm's and the provider client's own retries would multiply with ours.
            "num_retries": 0,
            "max_retries": 0,
        }
        litellm = load_litellm()
        taken = self._take(messages, arguments)
        cost = Spend()
        try:
            with self.limiter.turn(taken.tokens, ends):
                cost = Spend(1)
                arguments["timeout"] = max(0.01, min(self.timeout, ends - time.monotonic()))
                response = self._complete(litellm, messages, arguments)
            cost = self._cost(response)
            return response
        except CallFailedError:
            raise
        except Exception as error:  # litellm's exceptions share no base of their own
            # "from None": the original error's text, request and locals may hold the key.
            raise translated(error, self.model, secrets_of(self.options)) from None
        finally:
            if self.budget is not None:
                self.budget.settle(taken, cost)

    def _complete(self, litellm: Any, messages: Messages, arguments: Mapping[str, Any]) -> Any:
        def work() -> Any:
            sent = [dict(message) for message in messages]
            return litellm.completion(model=self.model, messages=sent, **arguments)

        if local.is_local(self.model):
            return work()
        # litellm's own time-out comes first, and says more, where it does come.
        return within(1.1 * float(arguments["timeout"]) + 0.25, work)

    def _take(self, messages: Messages, arguments: Mapping[str, Any]) -> Taken:
        """Set aside what this request may cost at most.

        :raises BudgetSpentError: that is more than is left
        """
        # A token has three characters or more in nearly any language's words.
        sent = sum(len(str(m.get("content", ""))) for m in messages) // 3 + 16
        limit = arguments.get("max_completion_tokens") or arguments.get("max_tokens") or 1024
        received = int(limit) * int(arguments.get("n") or 1)
        usd = price(self.model, self.options, sent, received) or 0.0
        most = Spend(1, sent + received, usd)
        if self.budget is None:
            return Taken(most)
        return self.budget.take(most, float(arguments["timeout"]))

    def _cost(self, response: Any) -> Spend:
        usage = getattr(response, "usage", None)
        tokens = [
            getattr(usage, name, 0) or 0
            for name in ("total_tokens", "prompt_tokens", "completion_tokens")
        ]
        usd = getattr(response, "_hidden_params", {}).get("response_cost")
        if usd is None or local.is_local(self.model):
            usd = price(self.model, self.options, tokens[1], tokens[2]) or 0.0
        return Spend(1, tokens[0], usd)

    def _reply(self, response: Any, seconds: float) -> Reply:
        secrets = secrets_of(self.options)  # a server may echo the key it was given
        choices = list(response.choices)
        usage = getattr(response, "usage", None)
        return Reply(
            texts=tuple(redact_reply(choice.message.content or "", secrets) for choice in choices),
            logprobs=tuple(_first_token(choice) for choice in choices),
            prompt_tokens=getattr(usage, "prompt_tokens", 0) or 0,
            completion_tokens=getattr(usage, "completion_tokens", 0) or 0,
            cost_usd=self._cost(response).usd,
            seconds=seconds,
            model=str(getattr(response, "model", "") or self.model),
        )


def _first_token(choice: Any) -> TokenLogprobs:
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    if not content:
        return ()
    first = content[0]
    rows = getattr(first, "top_logprobs", None) or [first]
    return tuple((str(row.token), float(row.logprob)) for row in rows)
