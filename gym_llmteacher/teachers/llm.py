"""A language model as a teacher: ask once per question, keep the answer, abstain on trouble."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import LLMError, ModelUnavailableError
from gym_llmteacher.llm.answers import answer_key, open_answers
from gym_llmteacher.llm.budget import Budget, BudgetSpentError
from gym_llmteacher.llm.client import Client, ServerDownError, probe_once
from gym_llmteacher.llm.elicit import Elicitation, Question, elicitation_for
from gym_llmteacher.llm.leases import Leases
from gym_llmteacher.llm.limiter import Limiter
from gym_llmteacher.llm.locked import Locked
from gym_llmteacher.llm.redact import redact, secrets_of
from gym_llmteacher.llm.reply import Reply, TokenLogprobs
from gym_llmteacher.llm.spec import model_and_options, sampling_options
from gym_llmteacher.llm.store import Store
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.pause import Pause

logger = logging.getLogger(__name__)

_POLL = 0.05  # seconds between looks for somebody else's answer
_NO_ACTIONS = np.zeros((1, 1), dtype=np.float32)


@dataclass(frozen=True)
class Explanation:
    """How advice came about, for people.

    :param text: the situation, in words
    :param model: the model asked
    :param elicitation: how it was asked
    :param messages: what it was sent
    :param replies: what it said, word for word (for scored candidates: the candidates)
    :param logprobs: per reply, pairs ``(token or candidate, log-probability)``, where it gave them
    :param advice: what was read out of that; ``advice.source`` says whether it was asked just now
        (``"model"``), known (``"answers"``), or why the teacher abstained
    :param prompt_tokens: tokens sent when the question was asked
    :param completion_tokens: tokens received when it was asked
    :param cost_usd: US dollars it cost when it was asked
    :param seconds: wall-clock time it took when it was asked
    """

    text: str
    model: str
    elicitation: str
    messages: tuple[Mapping[str, str], ...]
    replies: tuple[str, ...]
    logprobs: tuple[TokenLogprobs, ...]
    advice: Advice
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    seconds: float


class LLMTeacher(Locked, Teacher):
    """Asks a language model, any that litellm knows or the embedded one.

    Every question is asked once: advice is kept in memory by situation, and replies in the answers
    file by question. Where the model gives no answer, or none that names a known option, the
    teacher abstains. A question that failed is tried again, ever more rarely.

    :param model: ``None``: the embedded model, which needs no key and no network; a litellm model
        name (``"ollama_chat/qwen3"``, ``"openai/gpt-4o-mini"``); or a dict of it with litellm's own
        arguments (``{"model": "openai/my-model", "api_base": "http://...", "temperature": 0.2}``).
        Keys are best left in the environment (``OPENAI_API_KEY``, ...)
    :param answers: path of the answers file, ``":memory:"``, ``"redis://host:port/0"`` for several
        machines (extra ``redis``), or a `Store`; ``None``:
        ``$GYM_LLMTEACHER_ANSWERS`` or the user's cache folder
    :param elicitation: ``"subgoal"``, ``"samples"``, ``"logprobs"``, an `Elicitation`, or ``None``
        (subgoal for the embedded model, samples for all others); see `gym_llmteacher.llm.elicit`
    :param task: replaces the task of the situations
    :param example: worked example for ``"samples"``, replaces the generic one
    :param system_prompt: replaces the instructions of ``"samples"`` and ``"logprobs"``
    :param samples: plans asked for by ``"samples"``
    :param timeout: seconds until one request is given up
    :param max_retries: how often a request is repeated after trouble that may pass
    :param deadline: seconds until a question is given up, retries and pauses between them included
        (``None``: twice ``timeout``, for each request it takes)
    :param offline: never call the model: what is not in the answers file abstains
    :param budget: what this teacher may spend: any of ``calls``, ``tokens`` and ``usd``, as in
        ``{"calls": 500, "usd": 2.0}``; checked before every request. When it is spent, the teacher
        abstains on what is new
    :param file_budget: the same for everything that was ever spent with this answers file, by all
        processes
    :param concurrency: requests at once, over all threads that ask this teacher
    :param rpm: requests per minute
    :param tpm: tokens per minute, as estimated before each request
    :raises ModelUnavailableError: ``model`` is no model name (whether it exists is for `probe`)
    :raises AnswersFileError: the answers file is corrupt or is not one
    :raises LLMError: unknown elicitation, or one this model cannot be asked by

    Example::

        >>> from gym_llmteacher.situation import Situation, Subgoal
        >>> from gym_llmteacher.teachers.llm import LLMTeacher
        >>> import numpy as np
        >>> here = Situation("Agent sees <key>, holds nothing.", ("explore", "go to key"),
        ...     np.eye(2, dtype=np.float32), task="get the key, then open the door",
        ...     state="The agent holds nothing.",
        ...     subgoals=(Subgoal("key", ("go to key",)), Subgoal("door", ("explore",))))
        >>> [advice] = LLMTeacher(answers=":memory:").advise([here])
        >>> max(advice.plans, key=lambda plan: plan[1])[0]
        ('go to key',)

    Change log: 0.1.0 - added.
    """

    def __init__(
        self,
        model: str | Mapping[str, Any] | None = None,
        answers: str | os.PathLike[str] | Store | None = None,
        elicitation: str | Elicitation | None = None,
        *,
        task: str | None = None,
        example: str = "",
        system_prompt: str = "",
        samples: int = 10,
        timeout: float = 60.0,
        max_retries: int = 3,
        deadline: float | None = None,
        offline: bool = False,
        budget: Mapping[str, float] | None = None,
        file_budget: Mapping[str, float] | None = None,
        concurrency: int | None = None,
        rpm: float | None = None,
        tpm: float | None = None,
    ) -> None:
        super().__init__()
        self.model, options = model_and_options(model)
        self.elicitation: Elicitation = (
            elicitation
            if isinstance(elicitation, Elicitation)
            else elicitation_for(elicitation, self.model, samples, example, system_prompt)
        )
        self.task = task
        self.offline = offline
        self.answers = open_answers(answers)
        self.answers.check()
        self.budget = Budget(budget, file_budget, self.answers)
        self.client = Client(
            self.model,
            options,
            timeout=timeout,
            max_retries=max_retries,
            deadline=deadline,
            budget=self.budget,
            limiter=Limiter(concurrency, rpm, tpm),
        )
        # Nobody can be busy with a question for longer than this.
        self.leases = Leases(self.answers, seconds=2 * samples * timeout * (max_retries + 1))
        self._told_of_budget = False
        self._memo: dict[str, Advice] = {}
        self._failures: dict[str, Pause] = {}
        self._totals = _no_totals()

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise on every situation, in order; asks the model where nothing is known yet.

        Safe to call from several threads at once: they do not wait for each other's answers.
        """
        return [self._advise(situation) for situation in situations]

    def _advise(self, situation: Situation) -> Advice:
        advice = self._memo.get(situation.text)
        known = advice is not None
        if advice is None:
            advice = self._answer(situation)[0]
        self._count(asked=1, hits=int(known), abstained=int(advice.abstained))
        return advice

    def cached(self, situation: Situation) -> Advice | None:
        """Advice that takes no time: what has been asked before in this process."""
        advice = self._memo.get(situation.text)
        if advice is not None:
            self._count(asked=1, hits=1, abstained=int(advice.abstained))
        return advice

    def lookup(self, situation: Situation) -> Advice | None:
        """Advice that costs nothing: from memory, or from the answers file."""
        known = self.cached(situation)
        if known is None and situation.options:
            question = self.question(situation)
            if self.answers.get(self.key(question)) is not None:
                return self._advise(situation)
        return known

    def budget_left(self) -> float:
        """Share of the tightest limit that is left, in [0, 1]."""
        return self.budget.left()

    def _count(self, **amounts: float) -> None:
        with self._lock:
            for name, amount in amounts.items():
                self._totals[name] += amount

    def _answer(self, situation: Situation) -> tuple[Advice, Question | None, Reply | None]:
        """Look up or ask what is not in memory. Never raises; trouble is in ``advice.source``."""
        text = situation.text
        question: Question | None = None
        try:
            if not situation.options:
                raise LLMError("the situation has no options")
            question = self.question(situation)
            reply, asked = self._reply(question, situation)
            advice = self.elicitation.read(reply, situation)
        except BudgetSpentError as error:
            if not self._told_of_budget:
                self._told_of_budget = True
                logger.warning("%s", error)
            self._failures.setdefault(text, Pause()).fail()
            self._count(over_budget=1)
            return Advice.abstain(str(error)), question, None
        except Exception as error:
            # Whatever went wrong with one answer, training goes on: the teacher abstains.
            secrets = secrets_of(self.client.options)
            why = redact(str(error) or type(error).__name__, secrets)
            # A server that is down is no failure of this question: asked as soon as it is back.
            if isinstance(error, (ServerDownError, _NotAskedError)):
                self._count(deferred=1)
            else:
                self._failures.setdefault(text, Pause()).fail()
                self._count(failed=1)
                logger.warning("no advice: %s", why)
            return Advice.abstain(why), question, None
        self._failures.pop(text, None)
        if not asked:
            self._count(hits=1)
            if not advice.abstained:
                advice = dataclasses.replace(advice, source="answers")
        if advice.abstained:
            self._count(parse_failed=1)
            logger.warning("no advice for %r: %s", text[:200], advice.source)
        self._memo[text] = advice
        return advice, question, reply

    def _reply(self, question: Question, situation: Situation) -> tuple[Reply, bool]:
        """The reply, from the answers file or else from the model, and whether it was asked."""
        key = self.key(question)
        known = self.answers.get(key)
        if known is not None:
            return known, False
        if self.offline:
            raise _NotAskedError("offline, and the answers file does not know")
        pause = self._failures.get(situation.text)
        if pause is not None and not pause.over():
            raise _NotAskedError("asking failed before; waiting before the next attempt")
        while not self.leases.take(key):
            # Somebody else is asking this very question: wait for the answer, it is free.
            time.sleep(_POLL)
        try:
            known = self.answers.get(key)
            if known is not None:
                return known, False
            return self._asked(key, question, situation), True
        finally:
            self.leases.release(key)

    def _asked(self, key: str, question: Question, situation: Situation) -> Reply:
        """Ask, and keep the reply before anything is made of it."""
        reply = self.client.ask(question.messages, n=question.n, **question.params)
        spent = ("calls", "prompt_tokens", "completion_tokens", "cost_usd", "seconds")
        self._count(**{name: getattr(reply, name) for name in spent})
        return self.answers.put(
            key,
            reply,
            model=self.model,
            elicitation=self.elicitation.name,
            text=situation.text,
            messages=question.messages,
        )

    def question(self, situation: Situation) -> Question:
        """What would be sent about a situation with at least one option."""
        if self.task is not None:
            situation = dataclasses.replace(situation, task=self.task)
        return self.elicitation.question(situation)

    def key(self, question: Question) -> str:
        """Identity of a question in the answers file."""
        params = {**question.params, **sampling_options(self.client.options), "n": question.n}
        return answer_key(self.model, self.elicitation.name, question.messages, params)

    def explain(self, situation: Situation) -> Explanation:
        """Ask as `advise` does, and show everything that led to the advice."""
        advice, question, reply = self._answer(situation)
        self._count(asked=1, abstained=int(advice.abstained))
        reply = reply or Reply(())
        return Explanation(
            text=situation.text,
            model=self.model,
            elicitation=self.elicitation.name,
            messages=question.messages if question else (),
            replies=reply.texts,
            logprobs=reply.logprobs,
            advice=advice,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost_usd=reply.cost_usd,
            seconds=reply.seconds,
        )

    def probe(self) -> None:
        """Check once per process that the model can be asked at all.

        For the embedded model: its weights and xllamacpp are installed. For any other: one real
        question with room for 16 tokens. A server that is down or overloaded is no error.

        :raises ModelUnavailableError: unknown model or provider, missing or refused key, arguments
            the model does not take, no log-probabilities for ``"logprobs"``
        """
        if not self.offline:
            options = self.client.options
            spec = json.dumps(
                [self.model, options, self.elicitation.name, os.getpid()], default=repr
            )
            probe_once(spec, self._probe)

    def _probe(self) -> None:
        nowhere = Situation("There is nothing to do.", ("wait",), _NO_ACTIONS, task="wait")
        question = self.elicitation.question(nowhere)
        reply = self.client.probe(question.messages, **question.params)
        if reply is None:
            return
        if "logprobs" in question.params and not any(reply.logprobs):
            raise ModelUnavailableError(
                f"model {self.model!r} returned no log-probabilities, expected them for "
                "elicitation='logprobs'. Cure: use elicitation='samples'."
            )

    def metrics(self) -> dict[str, float]:
        """Running totals of this process.

        ``asked``: situations; ``hits``: those answered without the model; ``abstained``: those
        without advice; ``calls``: answered requests to the model; ``prompt_tokens``,
        ``completion_tokens``, ``cost_usd``, ``seconds``: what these took. Why there was none:
        ``failed``: questions without a reply after all retries; ``parse_failed``: replies that name
        no option; ``over_budget``; ``deferred``: not asked, since the server is down, the question
        failed before, or the teacher is offline.
        """
        with self._lock:
            return dict(self._totals)

    def close(self) -> None:
        """Close the answers file."""
        self.answers.close()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._totals = _no_totals()  # of this process, or a sum over processes would count twice


def _no_totals() -> dict[str, float]:
    names = ("calls", "hits", "asked", "abstained", "prompt_tokens", "completion_tokens")
    troubles = ("failed", "parse_failed", "over_budget", "deferred")
    return dict.fromkeys((*names, "cost_usd", "seconds", *troubles), 0.0)


class _NotAskedError(LLMError):
    """The model was deliberately not asked; that is no new failure."""
