"""One letter per option, and the log-probabilities of the letters."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.template import Template
from gym_llmteacher.situation import Situation


@dataclass(frozen=True)
class Logprobs(Elicitation):
    """One lettered question; the probabilities of the letters are those of the options.

    Abstains where the model returns no log-probabilities, whatever it was declared to support.

    :param system: replaces the instructions
    :param template: replaces the whole prompt
    """

    system: str = ""
    template: Template | None = None
    name = "logprobs"

    def question(self, situation: Situation) -> Question:
        """Chat messages that ask for one letter (at most 26 options)."""
        letters = string.ascii_uppercase
        if self.template is not None:
            pairs = zip(letters, situation.options, strict=False)
            listed = [f"{letter}) {option}" for letter, option in pairs]
            messages = self.template.messages(situation.task, situation.text, listed)
        else:
            messages = prompt.choose_messages(
                situation.task, situation.text, situation.options, letters, self.system
            )
        params = {"temperature": 1.0, "max_tokens": 1, "logprobs": True, "top_logprobs": 20}
        return Question(tuple(messages), params)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Sum the probabilities of the spellings of each letter."""
        if len(situation.options) > len(string.ascii_uppercase):
            return Advice.abstain(
                "more options than letters; use elicitation='samples'", Abstention.INVALID_FORMAT
            )
        if not reply.logprobs or not reply.logprobs[0]:
            return Advice.abstain(
                "the model gives no log-probabilities; use elicitation='samples'",
                Abstention.INVALID_FORMAT,
            )
        letters = dict(zip(string.ascii_uppercase, situation.options, strict=False))
        votes: dict[Plan, float] = {}
        for token, logprob in reply.logprobs[0]:
            option = letters.get(token.strip(" \n\t().:*").upper())
            if option is not None:
                votes[(option,)] = votes.get((option,), 0.0) + math.exp(min(0.0, logprob))
        if not votes:
            return Advice.abstain(
                "no likely token is the letter of an option", Abstention.UNKNOWN_OPTION
            )
        return Advice.from_counts(votes, source="model")
