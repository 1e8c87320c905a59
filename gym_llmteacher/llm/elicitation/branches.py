"""Decompose the task, reason in several branches, drop the invalid ones, vote."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gym_llmteacher.advice import Advice
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.choices import without_thoughts
from gym_llmteacher.llm.elicitation.base import Dialogue, Elicitation
from gym_llmteacher.llm.elicitation.votes import advice_from_votes
from gym_llmteacher.llm.parse import parse_plan
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation

_LONGEST = 2_000  # characters of a decomposition that are sent back


@dataclass(frozen=True)
class Branches(Elicitation):
    """A conversation of two questions (LLM-TMBR, arXiv 2403.19962).

    First the task is decomposed into steps, once for all situations of a task. Then ``k`` branches
    say which step comes next and how. A branch with a step that is no option is dropped as a
    whole, not cut short; the others vote.

    :param k: number of branches
    """

    k: int = 5
    name = "branches"

    def question(self, situation: Situation) -> Question:
        """What are the steps of the task?"""
        messages = prompt.decompose_messages(situation.task or situation.text)
        return Question(tuple(messages), {"temperature": 0.0, "max_tokens": 1024})

    def dialogue(self, situation: Situation) -> Dialogue:
        """The steps, then branches."""
        steps = yield self.question(situation)
        said = without_thoughts(steps.texts[0])[:_LONGEST]
        reply = yield self._branches(situation, said)
        return self.read(reply, situation)

    def foreseen(self, situation: Situation) -> list[Question]:
        """Both; the steps are counted with a line of dots."""
        return [self.question(situation), self._branches(situation, "." * 300)]

    def _branches(self, situation: Situation, steps: str) -> Question:
        messages = prompt.branch_messages(
            situation.task, steps, situation.text, situation.options, situation.example
        )
        return Question(tuple(messages), {"temperature": 0.7, "max_tokens": 1024}, self.k)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Count the branches whose every step is an option."""
        plans = (parse_plan(text, situation.options, whole=True) for text in reply.texts)
        votes = Counter(plan for plan in plans if plan is not None)
        return advice_from_votes(votes, reply.texts)
