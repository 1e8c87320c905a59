"""One request, as it goes out: within the budget, in its turn, never longer than it may take."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gym_llmteacher.errors import CallFailedError
from gym_llmteacher.llm import local
from gym_llmteacher.llm.budget import Budget, Taken
from gym_llmteacher.llm.choices import read_cost, read_usage
from gym_llmteacher.llm.deadline import within
from gym_llmteacher.llm.limiter import Limiter
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.llm.prices import price
from gym_llmteacher.llm.provider_errors import may_be_an_argument, refused_question, translated
from gym_llmteacher.llm.redact import secrets_of
from gym_llmteacher.llm.store import Spend

Messages = Sequence[Mapping[str, str]]


class RefusedError(Exception):
    """A request that the server refused, maybe for one of its arguments.

    :param kind: what `may_be_an_argument` says of it
    """

    def __init__(self, error: Exception, kind: str) -> None:
        super().__init__()
        self.error = error
        self.server_error = kind == "server error"
        self.anonymous = kind == "bad request"


class Call:
    """Makes single requests; parameters as for `Client`."""

    def __init__(
        self,
        model: str,
        options: Mapping[str, Any],
        timeout: float,
        budget: Budget | None,
        limiter: Limiter,
    ) -> None:
        self.model = model
        self.options = options
        self.timeout = timeout
        self.budget = budget
        self.limiter = limiter

    def make(
        self, messages: Messages, sent: Mapping[str, Any], ends: float, system: bool = True
    ) -> Any:
        """Send one request, once.

        :param sent: its arguments
        :param ends: when to give up, by the monotonic clock
        :param system: whether the model takes a system message
        :return: litellm's response
        :raises BudgetSpentError: before a request that could cost more than is left
        :raises RefusedError: maybe for one of its arguments
        :raises ModelUnavailableError, CallFailedError, TransientError: as `translated` says
        """
        if local.is_local(self.model):  # litellm would wrap "weights are missing"
            local.find_weights(self.model)
            local.check_runtime()
        words = messages if system else _without_system(messages)
        arguments = {
            "timeout": max(0.01, min(self.timeout, ends - time.monotonic())),
            **sent,
            # litellm's and the provider client's own retries would multiply with ours.
            "num_retries": 0,
            "max_retries": 0,
        }
        litellm = load_litellm()
        taken = self._take(words, arguments)
        cost = Spend()
        try:
            with self.limiter.turn(taken.tokens, ends):
                cost = Spend(1)
                arguments["timeout"] = max(0.01, min(self.timeout, ends - time.monotonic()))
                response = self._complete(litellm, words, arguments)
            cost = self._cost(response)
            return response
        except CallFailedError:
            raise
        except Exception as error:  # litellm's exceptions share no base of their own
            secrets = secrets_of(self.options)
            kind = None if local.is_local(self.model) else may_be_an_argument(error)
            if kind is not None and refused_question(error, secrets) is None:
                raise RefusedError(error, kind) from None
            # "from None": the original error's text, request and locals may hold the key.
            raise translated(error, self.model, secrets) from None
        finally:
            if self.budget is not None:
                self.budget.settle(taken, cost)

    def _complete(self, litellm: Any, messages: Messages, arguments: Mapping[str, Any]) -> Any:
        def work() -> Any:
            copies = [dict(message) for message in messages]
            return litellm.completion(model=self.model, messages=copies, **arguments)

        if local.is_local(self.model):
            return work()
        # litellm's own time-out comes first, and says more, where it does come.
        seconds = 1.1 * float(arguments["timeout"]) + 0.25
        ends = time.monotonic() + seconds

        def guarded_work() -> Any:
            from gym_llmteacher.llm.transport import guarded

            with guarded(ends, arguments.get("ssl_verify")):
                return work()

        return within(seconds, guarded_work)

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
        # As it is reported: the budget knows what to make of a number that cannot be.
        reported = getattr(getattr(response, "usage", None), "total_tokens", None)
        tokens = reported or sum(read_usage(response))
        return Spend(1, tokens, cost_of(self.model, self.options, response))


def cost_of(model: str, options: Mapping[str, Any], response: Any) -> float:
    """US dollars for a response: what the server says, else by the prices that are known."""
    said = 0.0 if local.is_local(model) else read_cost(response)
    return said or price(model, options, *read_usage(response)) or 0.0


def _without_system(messages: Messages) -> list[dict[str, str]]:
    """The same conversation, for templates that know no system message."""
    systems = [m["content"] for m in messages if m.get("role") == "system"]
    others = [dict(m) for m in messages if m.get("role") != "system"]
    if systems and others:
        others[0]["content"] = "\n\n".join([*systems, others[0]["content"]])
    return others
