"""One letter per option, and the log-probabilities of the letters, in several orders."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.elicitation.base import Dialogue, Elicitation
from gym_llmteacher.llm.elicitation.subgoals import served
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.template import Template
from gym_llmteacher.situation import Situation

_LETTERS = string.ascii_uppercase


@dataclass(frozen=True)
class Logprobs(Elicitation):
    """Lettered questions; the probabilities of the letters are those of what they stand for.

    That is the subgoals, where the grounding names some, else the options. Models prefer some
    letters whatever they stand for. So the names are sorted, asked about in several rotations, and
    averaged over: how the grounding lists them makes no difference, and each stands in several
    places. Confidence is the probability of all letters together.

    Abstains where the model returns no log-probabilities, whatever it was declared to support.

    :param system: replaces the instructions
    :param template: replaces the whole prompt
    :param orders: how many rotations to ask about; more than there are names are not asked
    :param subgoals: whether to ask about subgoals where there are some
    :raises TeacherSpecError: fewer than one
    """

    system: str = ""
    template: Template | None = None
    orders: int = 4
    subgoals: bool = True
    name = "logprobs"

    def __post_init__(self) -> None:
        if not isinstance(self.orders, int) or self.orders < 1:
            raise TeacherSpecError(f"orders is {self.orders!r}, expected 1 or more.")

    def question(self, situation: Situation) -> Question:
        """Chat messages that ask for one letter (at most 26 options), in the first order."""
        return self._question(situation, self._orders(situation)[0])

    def foreseen(self, situation: Situation) -> list[Question]:
        """One question for each order."""
        return [self._question(situation, order) for order in self._orders(situation)]

    def dialogue(self, situation: Situation) -> Dialogue:
        """The same question in every order."""
        votes: dict[Plan, float] = {}
        confidence = 0.0
        orders = self._orders(situation)
        for order in orders:
            reply = yield self._question(situation, order)
            advice = self._read(reply, order, situation)
            if advice.abstained:
                return advice
            confidence += advice.confidence / len(orders)
            for plan, probability in advice.plans:
                votes[plan] = votes.get(plan, 0.0) + probability
        return Advice.from_counts(votes, min(1.0, confidence), source="model")

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Sum the probabilities of the spellings of each letter, for the first order."""
        return self._read(reply, self._orders(situation)[0], situation)

    def _orders(self, situation: Situation) -> list[tuple[str, ...]]:
        names = sorted({name for name, _ in self._served(situation)})
        count = min(self.orders, len(names))
        starts = [i * len(names) // count for i in range(count)]
        return [(*names[start:], *names[:start]) for start in starts]

    def _served(self, situation: Situation) -> list[tuple[str, Plan]]:
        """What is asked about, each with the plan that gets it."""
        wanted = self.subgoals and self.template is None
        return served(situation) if wanted else [(o, (o,)) for o in situation.options]

    def _question(self, situation: Situation, order: tuple[str, ...]) -> Question:
        if self.template is not None:
            listed = [f"{letter}) {name}" for letter, name in zip(_LETTERS, order, strict=False)]
            messages = self.template.messages(situation.task, situation.text, listed)
        elif self.subgoals and situation.subgoals:
            about = situation.state or situation.text
            messages = prompt.need_letter_messages(situation.task, about, order, _LETTERS)
        else:
            messages = prompt.choose_messages(
                situation.task, situation.text, order, _LETTERS, self.system
            )
        params = {"temperature": 1.0, "max_tokens": 1, "logprobs": True, "top_logprobs": 20}
        return Question(tuple(messages), params, brief=True)

    def _read(self, reply: Reply, order: tuple[str, ...], situation: Situation) -> Advice:
        if len(order) > len(_LETTERS):
            return Advice.abstain(
                "more options than letters; use elicitation='samples'", Abstention.INVALID_FORMAT
            )
        if not reply.logprobs or not reply.logprobs[0]:
            return Advice.abstain(
                "the model gives no log-probabilities; use elicitation='samples'",
                Abstention.INVALID_FORMAT,
            )
        named = dict(zip(_LETTERS, order, strict=False))
        likely: dict[str, float] = {}
        for token, logprob in reply.logprobs[0]:
            name = named.get(token.strip(" \n\t().:*").upper())
            if name is not None:
                likely[name] = likely.get(name, 0.0) + math.exp(min(0.0, logprob))
        if not likely:
            return Advice.abstain(
                "no likely token is the letter of an option", Abstention.UNKNOWN_OPTION
            )
        votes: dict[Plan, float] = {}
        for name, plan in self._served(situation):
            votes[plan] = votes.get(plan, 0.0) + likely.get(name, 0.0)
        return Advice.from_counts(votes, min(1.0, sum(likely.values())), source="model")
