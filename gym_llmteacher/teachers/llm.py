"""A language model as a teacher: situations to questions, replies to advice."""

from __future__ import annotations

import copy
import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice
from gym_llmteacher.bounded import Bounded
from gym_llmteacher.errors import LLMError, NotAskedError, TeacherSpecError
from gym_llmteacher.experience.lessons import LessonsSpec, lessons_of
from gym_llmteacher.llm.counting import Counting
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.elicitation.registry import ElicitationSpec, elicitation_for
from gym_llmteacher.llm.guideline import Guideline, GuidelineSpec, guideline_of
from gym_llmteacher.llm.in_context import InContext
from gym_llmteacher.llm.oracle import Oracle, why_not
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.redact import redact, secrets_of
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.spec import check_given_once, teacher_arguments
from gym_llmteacher.llm.store import Store
from gym_llmteacher.shown import shown
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.base import Teacher
from gym_llmteacher.teachers.conversation import converse, labelled, words_key
from gym_llmteacher.teachers.explanation import Exchange, Explanation
from gym_llmteacher.teachers.ordinary import ORDINARY

logger = logging.getLogger(__name__)


class LLMTeacher(Counting, Teacher):
    """Asks a language model, any that litellm knows or the embedded one.

    Every question is asked once: advice is kept in memory by situation, and replies in the answers
    file by question. Where the model gives no answer, or none that names a known option, the
    teacher abstains. A question that failed is tried again, ever more rarely.

    :param model: ``None``: the embedded model, which needs no key and no network; a litellm model
        name (``"ollama_chat/qwen3"``, ``"openai/gpt-4o-mini"``); or a dict of it with any of the
        arguments below and of litellm's own (``{"model": "openai/my-model", "api_base":
        "http://...", "temperature": 0.2, "budget": {"usd": 2.0}}``). Keys are best left in the
        environment (``OPENAI_API_KEY``, ...)
    :param answers: path of the answers file, ``":memory:"``, ``"redis://host:port/0"`` for several
        machines (extra ``redis``), or a `Store`; ``None``:
        ``$GYM_LLMTEACHER_ANSWERS`` or the user's cache folder
    :param elicitation: ``"subgoal"``, ``"samples"``, ``"logprobs"``, ``"structured"``,
        ``"weights"``, ``"branches"``, a dict of a name and its arguments, an `Elicitation`, or
        ``None`` (subgoal where the grounding has some, else samples); see
        `gym_llmteacher.llm.elicitation`
    :param task: replaces the task of the situations
    :param guideline: goes into every prompt: a rule, or the file that `reflect` wrote (``.json``)
    :param memory: an `Experience`, or the file of one: what worked in the 3 most similar situations
        goes into the prompt (``{"experience": path, "k": 5}``: in the 5 most similar ones)
    :param samples: how many samples to ask for (``None``: as many as is usual for the elicitation)
    :param offline: never call the model: what is not in the answers file abstains
    :param budget: what may be spent with this answers file, by all processes, since it was made:
        any of ``calls``, ``tokens`` and ``usd``, as in ``{"calls": 500, "usd": 2.0}``; checked
        before every request. When it is spent, the teacher abstains on what is new
    :param process_budget: the same for this teacher in this process; N processes spend it N times
    :param limits: any of ``timeout``, ``max_retries``, ``deadline``, ``concurrency``, ``rpm`` and
        ``tpm``, each for this process; see `gym_llmteacher.llm.request_limits.RequestLimits`
    :raises ModelUnavailableError: ``model`` is no model name (whether it exists is for `probe`)
    :raises AnswersFileError: the answers file is corrupt or is not one
    :raises TeacherSpecError: unknown arguments or elicitation, one this model cannot be asked by,
        or numbers that cannot be

    Example::

        >>> import numpy as np
        >>> from gym_llmteacher.situation import Situation, Subgoal
        >>> from gym_llmteacher.teachers.llm import LLMTeacher
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
        elicitation: ElicitationSpec = None,
        *,
        task: str | None = None,
        guideline: GuidelineSpec = None,
        memory: LessonsSpec = None,
        samples: int | None = None,
        offline: bool = False,
        budget: Mapping[str, float] | None = None,
        process_budget: Mapping[str, float] | None = None,
        **limits: Any,
    ) -> None:
        super().__init__("hits", "asked", "abstained", "parse_failed")
        model, written = teacher_arguments(model)
        if written:
            given = {
                "answers": answers, "elicitation": elicitation, "task": task, "budget": budget,
                "process_budget": process_budget, "guideline": guideline, "memory": memory,
                **limits,
            }  # fmt: skip
            check_given_once(written, given)
            merged = {**given, "samples": samples, "offline": offline, **written}
            self.__init__(model, **merged)  # type: ignore[misc]
            return
        whole = isinstance(samples, int) and not isinstance(samples, bool)
        if samples is not None and not (whole and samples >= 1):
            raise TeacherSpecError(f"samples is {samples!r}, expected a whole number of 1 or more.")
        self.oracle = Oracle(
            model, answers, offline=offline, budget=budget, process_budget=process_budget, **limits
        )
        self._plainly = elicitation_for(elicitation, self.oracle.model, samples)
        self.lessons, self.task = lessons_of(memory, task), task
        self._follow(guideline_of(guideline))
        self._memo: Bounded[str, Advice] = Bounded()

    def _follow(self, guideline: Guideline) -> None:
        self.guideline, self.elicitation = guideline, self._plainly
        if guideline or self.lessons is not None:
            self.elicitation = InContext(self._plainly, guideline, self.lessons)

    def guided(self, guideline: GuidelineSpec) -> LLMTeacher:
        """The same teacher with another guideline: same model, answers and budget."""
        other = copy.copy(self)
        other._memo = Bounded()
        other._follow(guideline_of(guideline))
        return other

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.oracle.model

    @property
    def answers(self) -> Store:
        """Where replies are kept."""
        return self.oracle.answers

    def advise(self, situations: Sequence[Situation]) -> list[Advice]:
        """Advise on every situation, in order; asks the model where nothing is known yet.

        Safe to call from several threads at once: they do not wait for each other's answers.
        """
        return [self._advise(situation) for situation in situations]

    def _advise(self, situation: Situation) -> Advice:
        advice = self._memo.get(words_key(situation))
        known = advice is not None
        if advice is None:
            advice = self._answer(situation)[0]
        self._counted(advice, known)
        return advice

    def cached(self, situation: Situation) -> Advice | None:
        """Advice that takes no time: what has been asked before in this process."""
        advice = self._memo.get(words_key(situation))
        if advice is not None:
            self._counted(advice, known=True)
        return advice

    def lookup(self, situation: Situation) -> Advice | None:
        """Advice that costs nothing: from memory, or from the answers file."""
        advice = self.cached(situation)
        if advice is None and situation.options:
            try:
                advice = self._learn(situation, self._stored, [])
            except LLMError:
                return None
            self._counted(advice, known=False)
        return advice

    def _stored(self, question: Question) -> Reply:
        reply = self.oracle.lookup(question)
        if reply is None or (reply.missing and not self.oracle.offline):
            raise NotAskedError("the answers file does not know")
        return reply

    def _converse(
        self, situation: Situation, ask: Callable[[Question], Reply], exchanges: list[Exchange]
    ) -> Advice:
        return converse(self.elicitation, self._with_task(situation), ask, exchanges)

    def _with_task(self, situation: Situation) -> Situation:
        if self.task is None:
            return situation
        return dataclasses.replace(situation, task=self.task)

    def _answer(self, situation: Situation) -> tuple[Advice, list[Exchange]]:
        """Look up or ask what is not in memory. Never raises; trouble is in the advice."""
        exchanges: list[Exchange] = []
        if not situation.options:
            return Advice.abstain("the situation has no options", Abstention.NOT_ASKED), exchanges
        try:
            return self._learn(situation, self.oracle.ask, exchanges), exchanges
        except LLMError as error:
            return Advice.abstain(*why_not(error)), exchanges

    def _learn(
        self, situation: Situation, ask: Callable[[Question], Reply], exchanges: list[Exchange]
    ) -> Advice:
        """Advice by a dialogue with whoever answers, kept in memory.

        :raises LLMError: there was no reply
        """
        try:
            advice = self._converse(situation, ask, exchanges)
        except LLMError:
            raise
        except Exception as error:
            # Whatever goes wrong in reading one answer, training goes on: the teacher abstains.
            secrets = secrets_of(self.oracle.client.options)
            why = redact(str(error) or type(error).__name__, secrets)
            logger.warning("no advice for %r: %s", situation.text[:200], shown(why))
            return Advice.abstain(why, Abstention.ERROR)
        if all(exchange.reply is not None and exchange.reply.stored for exchange in exchanges):
            self.count(hits=1)
            if not advice.abstained:
                advice = dataclasses.replace(advice, source="answers")
        if advice.abstained:
            self.count(parse_failed=1)
            logger.warning("no advice for %r: %s", situation.text[:200], advice.source)
        self._memo[words_key(situation)] = advice
        return advice

    def question(self, situation: Situation) -> Question:
        """What would be sent (first) about a situation with at least one option."""
        situation = self._with_task(situation)
        return labelled(self.elicitation.question(situation), self.elicitation, situation)

    def questions(self, situation: Situation) -> list[Question]:
        """All that would be sent about a situation, as far as that is known before any reply."""
        situation = self._with_task(situation)
        way = self.elicitation
        return [labelled(question, way, situation) for question in way.foreseen(situation)]

    def explain(self, situation: Situation) -> Explanation:
        """Ask as `advise` does, and show everything that led to the advice."""
        advice, exchanges = self._answer(situation)
        self._counted(advice, known=False)
        return Explanation(
            situation.text, self.model, self.elicitation.name, tuple(exchanges), advice
        )

    def probe(self) -> None:
        """Ask about an ordinary situation, as all others will be asked; see `Oracle.probe`.

        A reply that cannot be read is warned of.

        :raises ModelUnavailableError: the model cannot be asked at all
        """
        situation = self._with_task(ORDINARY)
        # Without what is known besides: one question for all teachers of this model.
        way = self._plainly
        reply = self.oracle.probe(labelled(way.question(situation), way, situation))
        if reply is not None and type(way).dialogue is Elicitation.dialogue:
            advice = way.read(reply, ORDINARY)
            if advice.abstained:
                logger.warning(
                    "%s was asked a simple question and gave no advice: %s. It said: %r",
                    self.model, shown(advice.source), reply.texts[0][:200],
                )  # fmt: skip

    def budget_left(self) -> float:
        """Share of the tightest limit that is left, in [0, 1]."""
        return self.oracle.budget_left()

    def _counted(self, advice: Advice, known: bool) -> None:
        amounts = {"asked": 1, "hits": int(known), "abstained": int(advice.abstained)}
        if advice.reason is not None:
            amounts[f"abstained_{advice.reason.value}"] = 1
        self.count(**amounts)

    def metrics(self) -> dict[str, float]:
        """Running totals of this process: those of `Oracle.metrics`, and of advice.

        ``asked``: situations; ``hits``: those answered without the model; ``parse_failed``: replies
        in which there is no advice; ``abstained``: situations without advice, and of these
        ``abstained_<reason>`` for every `Abstention` that came up.
        """
        return {**self.oracle.metrics(), **self.totals()}

    def close(self) -> None:
        """Close the answers file."""
        self.oracle.close()
