"""Reasoned plans, sampled and counted: the paper's way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gym_llmteacher.advice import Advice
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.elicitation.votes import advice_from_votes
from gym_llmteacher.llm.parse import parse_plan
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.template import Template
from gym_llmteacher.situation import Situation


@dataclass(frozen=True)
class Samples(Elicitation):
    """K sampled plans; the frequency of a plan is its probability.

    :param k: number of samples
    :param example: worked example for the prompt; by default the situation's, else a generic one
    :param system: replaces the instructions
    :param template: replaces the whole prompt
    """

    k: int = 10
    example: str = ""
    system: str = ""
    template: Template | None = None
    name = "samples"

    def question(self, situation: Situation) -> Question:
        """Chat messages; the paper's temperature, without its top-p: many take but one."""
        example = self.example or situation.example
        if self.template is not None:
            listed = [f"- {option}" for option in situation.options]
            messages = self.template.messages(
                situation.task, situation.text, listed, example or prompt.GUIDE_EXAMPLE
            )
        else:
            messages = prompt.guide_messages(
                situation.task, situation.text, situation.options, example, self.system
            )
        params = {"temperature": 0.7, "max_tokens": 1024}
        return Question(tuple(messages), params, self.k)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Count the plans; replies without one do not count."""
        plans = (parse_plan(text, situation.options) for text in reply.texts)
        votes = Counter(plan for plan in plans if plan is not None)
        return advice_from_votes(votes, reply.texts)
