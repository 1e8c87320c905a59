"""How advice came about, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gym_llmteacher.advice import Advice
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply


class Exchange(NamedTuple):
    """A question, and the reply if there was one."""

    question: Question
    reply: Reply | None


@dataclass(frozen=True)
class Explanation:
    """How advice came about.

    :param text: the situation, in words
    :param model: the model asked
    :param elicitation: how it was asked
    :param exchanges: what it was sent and what it said, word for word
    :param advice: what was read out of that; ``advice.source`` says whether it was asked just now
        (``"model"``), known (``"answers"``), or why the teacher abstained
    """

    text: str
    model: str
    elicitation: str
    exchanges: tuple[Exchange, ...]
    advice: Advice

    @property
    def reply(self) -> Reply:
        """All replies together: texts, log-probabilities, tokens, cost and time."""
        replies = [exchange.reply for exchange in self.exchanges if exchange.reply is not None]
        total = replies[0] if replies else Reply(())
        for reply in replies[1:]:
            total = total + reply
        return total
