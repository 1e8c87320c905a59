"""Several samples of one answer, whatever the model takes: one thin client over litellm."""

from __future__ import annotations

import functools
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.errors import CallFailedError, LLMError, NoReplyError
from gym_llmteacher.llm import local
from gym_llmteacher.llm.accepts import users_limit
from gym_llmteacher.llm.budget import Budget
from gym_llmteacher.llm.call import Messages, cost_of
from gym_llmteacher.llm.choices import Choice, read_choice, read_usage
from gym_llmteacher.llm.counting import Counting
from gym_llmteacher.llm.endpoint import Endpoint
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.limiter import Breaker, Limiter
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.llm.redact import redact_reply, secrets_of
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.side_by_side import side_by_side

_SPENT = ("calls", "prompt_tokens", "completion_tokens", "cost_usd", "seconds")
_AT_ONCE = 8  # requests for one question, where nobody has set a limit
_GROWTHS = 3  # times that a reply which was cut off is asked for with more room
_THINKING = 4096  # tokens that a model which thinks gets for an answer
# Models that think wherever they are served, of which litellm does not know it everywhere.
_THINKS = re.compile(r"qwen-?3|qwq|\br1\b|think|reason|magistral|gpt-oss|glm-4\.[5-9]", re.I)


class Client(Counting):
    """Asks one model; safe to use from several threads, and picklable.

    :param model: a litellm model name, or ``local/smollm2-135m``
    :param options: litellm's own arguments for every call (``api_base``, ``api_key``,
        ``temperature``, ...); they win over those of a question
    :param timeout: seconds until one request is given up
    :param max_retries: how often a request is repeated after trouble that may pass (time-outs,
        refused connections, statuses 408, 429 and 5xx, unreadable responses)
    :param budget: asked before every request
    :param limiter: waits for its turn before every request
    :param breaker: stops asking a server that is down
    :param sleep: how to wait between attempts, ``sleep(seconds)``
    :param deadline: seconds until a question is given up, with all its requests and pauses
        (``None``: twice ``timeout``, for each request it takes)
    :param facts: where to keep what the server was found to take
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
        facts: Keeper | None = None,
    ) -> None:
        super().__init__(*_SPENT)
        self.model = model
        self.options = dict(options or {})
        self.timeout = timeout
        self.deadline = deadline
        self.endpoint = Endpoint(
            model, self.options, timeout, max_retries, sleep, budget, limiter or Limiter(),
            breaker or Breaker(), facts,
        )  # fmt: skip

    def ask(self, messages: Messages, n: int = 1, **params: Any) -> Reply:
        """As `ask_for`, where it does not matter whether samples are missing."""
        return self.ask_for(messages, n, **params)[0]

    def seconds(self, n: int = 1) -> float:
        """How long a question for ``n`` samples may take in all."""
        load_litellm()  # takes seconds the first time, which no question should pay for
        return self.deadline or 2 * self.timeout * self._rounds(n)

    def ask_for(
        self,
        messages: Messages,
        n: int = 1,
        *,
        had: int = 0,
        brief: bool = False,
        ends: float | None = None,
        **params: Any,
    ) -> tuple[Reply, LLMError | None]:
        """Ask for ``n`` samples: one request where the model can, else several at once.

        Samples that are empty, cut off or filtered are no answers and are not in the reply; those
        that were cut off are asked for again, with more room.

        :param had: samples that there are already; only the others are asked for
        :param brief: the first few tokens are wanted alone: being cut off is no fault
        :param ends: when to give up, by the monotonic clock (default: after `seconds`)
        :param params: sampling parameters; what the model does not take is left out
        :return: the samples there are, and why some are ``missing``, if they are
        :raises ModelUnavailableError: the model can never answer (key, name)
        :raises NoReplyError: it did not answer this question at all
        """
        wanted = n - had
        ends = time.monotonic() + self.seconds(wanted) if ends is None else ends
        got = Reply((), calls=0)
        faults: Counter[Abstention] = Counter()
        tokens = self.room
        for growth in range(_GROWTHS + 1):
            asked = _Batch(self, messages, params, ends, tokens, brief, had)
            more = asked.collect(wanted)
            got = got + more
            faults += asked.faults
            if more.texts and growth:
                self._finished_with(tokens)
            cut = asked.faults[Abstention.TOKEN_LIMIT]
            limit = self.endpoint.limit(params, tokens)
            roomier = None if limit is None else self.endpoint.accepts.roomier(limit)
            if asked.trouble is not None or not cut or users_limit(self.options) or not roomier:
                break
            wanted, tokens = cut, roomier.tokens
        trouble = asked.trouble
        self.count(**{f"rejected_{fault.value}": count for fault, count in faults.items()})
        if got.texts:
            missing = max(0, n - had - len(got.texts) - faults.total()) if trouble else 0
            return replace(got, missing=missing), trouble
        if trouble is not None:
            raise trouble
        raise self._nothing(faults, limit)

    def samples_at_once(self, n: int) -> bool:
        """Whether ``n`` samples are asked for with one request, as far as that is known."""
        if n <= 1 or local.is_local(self.model):
            return n > 1
        most = self.endpoint.accepts.samples
        if most:
            return most >= n
        try:
            supported = load_litellm().get_supported_openai_params(self.model) or ()
        except Exception:
            supported = ()
        return "n" in supported

    def _rounds(self, n: int) -> int:
        """Requests that have to wait for each other."""
        most = self.endpoint.accepts.samples or (n if local.is_local(self.model) else 1)
        return math.ceil(math.ceil(n / most) / self.at_once)

    @property
    def at_once(self) -> int:
        """Requests at a time for one question."""
        return min(_AT_ONCE, self.endpoint.call.limiter.concurrency or _AT_ONCE)

    @property
    def room(self) -> int:
        """Tokens that an answer gets at least: more for a model that thinks first, as far as known.

        By litellm's list and by names; where these are wrong, the first reply that is cut off
        tells.
        """
        if local.is_local(self.model) or "claude" in self.model:  # Claude thinks when it is told to
            return 0
        if _THINKS.search(self.model):
            return _THINKING
        try:
            return _THINKING if load_litellm().supports_reasoning(self.model) else 0
        except Exception:
            return 0

    def requests(self, n: int) -> int:
        """How many requests ``n`` samples take, as far as that is known."""
        most = self.endpoint.accepts.samples or (n if self.samples_at_once(n) else 1)
        return math.ceil(n / most)

    def _finished_with(self, tokens: int) -> None:
        accepts = self.endpoint.accepts
        if tokens > accepts.tokens:
            self.endpoint.learn(replace(accepts, tokens=tokens))

    def _nothing(self, faults: Counter[Abstention], limit: int | None) -> CallFailedError:
        reason = faults.most_common(1)[0][0] if faults else Abstention.INVALID_FORMAT
        said = {
            Abstention.TOKEN_LIMIT: f"its reply was cut off at {limit or 'too few'} tokens; raise "
            "max_tokens or turn thinking off",
            Abstention.REFUSED: "the provider's filter kept its reply back",
        }.get(reason, "its reply was empty")
        return CallFailedError(f"no answer from {self.model}: {said}.", reason)


class _Batch:
    """One attempt at some samples: what came of it."""

    def __init__(
        self, client: Client, messages: Messages, params: Mapping[str, Any], ends: float,
        tokens: int, brief: bool, shift: int,
    ) -> None:  # fmt: skip
        self.client = client
        self.brief = brief
        self.faults: Counter[Abstention] = Counter()
        self.trouble: LLMError | None = None
        self._shift = shift
        self._most = len(params.get("candidates") or ())  # each comes back as a choice
        self._send = functools.partial(
            client.endpoint.send, messages, params=params, ends=ends, tokens=tokens
        )

    def collect(self, wanted: int) -> Reply:
        """The samples that are answers; the others are in ``faults``."""
        got = Reply((), calls=0)
        left = wanted
        while left > 0 and self.trouble is None:
            size = self.client.endpoint.accepts.samples or left
            sizes = [min(size, left - start) for start in range(0, left, size)]
            starts = [self._shift + wanted - left + i for i in range(len(sizes))]
            calls = [
                functools.partial(self._request, *pair) for pair in zip(sizes, starts, strict=True)
            ]
            before = left
            for result in side_by_side(calls, self.client.at_once):
                if isinstance(result, Exception):
                    left = self._failed(result, left)
                    continue
                reply, choices = result
                good = [choice for choice in choices if choice.fault is None]
                self.faults.update(c.fault for c in choices if c.fault is not None)
                left -= len(choices)
                got = got + replace(
                    reply,
                    texts=tuple(choice.text for choice in good),
                    logprobs=tuple(choice.logprobs for choice in good),
                )
            if left == before:  # responses without a choice in them
                break
        return got

    def _failed(self, error: Exception, left: int) -> int:
        if isinstance(error, CallFailedError) and error.reason is Abstention.TOKEN_LIMIT:
            self.faults[Abstention.TOKEN_LIMIT] += left  # said with a status instead of a reply
            return 0
        if not isinstance(error, LLMError):
            raise error
        if not isinstance(self.trouble, LLMError) or not isinstance(error, NoReplyError):
            self.trouble = error
        return left

    def _request(self, n: int, shift: int) -> tuple[Reply, list[Choice]]:
        client = self.client
        started = time.monotonic()
        response = self._send(n=n, shift=shift)
        seconds = time.monotonic() - started
        choices = [read_choice(choice, self.brief) for choice in (response.choices or ())]
        choices = choices[: self._most or n]
        answered = any(choice.fault is None for choice in choices)
        if answered and len(choices) < n and not client.endpoint.accepts.samples:
            # It was asked for n, and ignored that. (Of a refusal for want of room, litellm makes a
            # single empty choice, which says nothing.)
            client.endpoint.learn(replace(client.endpoint.accepts, samples=len(choices)))
        secrets = secrets_of(client.options)  # a server may echo the key it was given
        usage = read_usage(response)
        spent = {
            "calls": 1, "prompt_tokens": usage.sent, "completion_tokens": usage.received,
            "cost_usd": cost_of(client.model, client.options, response),
        }  # fmt: skip
        client.count(**spent, seconds=seconds)
        model = str(getattr(response, "model", "") or client.model)
        reply = Reply((), seconds=seconds, model=model, **spent)  # type: ignore[arg-type]
        return reply, [c._replace(text=redact_reply(c.text, secrets)) for c in choices]
