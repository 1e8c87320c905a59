"""The protocol of a way to ask, and how it is named."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator

from gym_llmteacher.advice import Advice
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation

Dialogue = Generator[Question, Reply, Advice]
"""Yields questions, receives their replies, returns advice."""


class Elicitation(ABC):
    """A way to ask. Pure: no model, no state; the same situation gives the same question.

    One that asks once has `question` and `read`. One that asks again after it has seen a reply
    overrides `dialogue`; its `question` is the first::

        class SecondThoughts(Elicitation):
            name = "second thoughts"

            def question(self, situation):
                return Question(({"role": "user", "content": f"{situation.text} What now?"},))

            def dialogue(self, situation):
                first = yield self.question(situation)
                second = yield Question(({"role": "user", "content": f"Sure? {first.texts[0]}"},))
                return Advice.from_counts({(second.texts[0],): 1.0}, source="model")

    Every question of a dialogue is kept by itself: repeating it costs nothing.
    """

    name: str
    scores: bool = False
    """Whether its questions have candidates, which only the embedded model can score."""

    @abstractmethod
    def question(self, situation: Situation) -> Question:
        """The (first) question for a situation with at least one option."""

    def foreseen(self, situation: Situation) -> list[Question]:
        """All questions of a dialogue, as far as they are known before any reply: for estimates."""
        return [self.question(situation)]

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Advice from the reply to `question`; abstains where there is none in it."""
        raise NotImplementedError(f"{type(self).__name__} has neither read() nor dialogue().")

    def dialogue(self, situation: Situation) -> Dialogue:
        """Questions and, in the end, advice."""
        reply = yield self.question(situation)
        return self.read(reply, situation)
