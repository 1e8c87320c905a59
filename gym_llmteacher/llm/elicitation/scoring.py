"""Exact probabilities of what is needed next: the embedded model's way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation


@dataclass(frozen=True)
class NextSubgoal(Elicitation):
    """Exact probabilities of what is needed next, each carried by the plan that serves it.

    A situation without subgoals has its options scored instead, after other examples. Only the
    embedded model can score; see `gym_llmteacher.llm.elicitations`.
    """

    name = "subgoal"
    scores = True

    def question(self, situation: Situation) -> Question:
        """Text to go on from, and the candidates to score."""
        if situation.subgoals:
            names = list(dict.fromkeys(subgoal.name for subgoal in situation.subgoals))
            text = prompt.subgoal_prompt(situation.task, situation.state or situation.text)
        else:
            names = list(dict.fromkeys(situation.options))
            text = prompt.option_prompt(situation.task, situation.text, names)
        candidates = tuple(_candidate(name) for name in names)
        return Question(({"role": "user", "content": text},), candidates=candidates)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Give each plan the probability of its subgoal."""
        scores = {token: math.exp(logprob) for row in reply.logprobs for token, logprob in row}
        served = [(subgoal.name, subgoal.plan) for subgoal in situation.subgoals] or [
            (option, (option,)) for option in situation.options
        ]
        votes: dict[Plan, float] = {}
        for name, plan in served:
            votes[plan] = votes.get(plan, 0.0) + scores.get(_candidate(name), 0.0)
        return Advice.from_counts(votes, source="model")


def _candidate(name: str) -> str:
    # The full stop keeps "key" apart from "key ring".
    return f" {name}."
