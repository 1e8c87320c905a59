"""Ways to turn a situation into a question, and the replies into advice.

======== ================================================ =======================================
name     asks                                             for
======== ================================================ =======================================
subgoal  which object is needed now; code knows how to    the embedded model (exact scoring);
         get it (SayCan, arXiv 2204.01691)                its default
samples  for K reasoned plans and counts them             every model; the paper's way and the
         (LLM4Teach, arXiv 2311.13373)                    default of all other models
logprobs for one letter and reads its log-probabilities   models that report ``top_logprobs``
======== ================================================ =======================================
"""

from __future__ import annotations

import math
import string
from collections import Counter
from dataclasses import dataclass

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.elicitation import Elicitation
from gym_llmteacher.llm.parse import names_a_plan, parse_plan
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.template import Template
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
        """Chat messages; temperature 0.7 and top-p 0.7 as in the paper."""
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
        params = {"temperature": 0.7, "top_p": 0.7, "max_tokens": 1024}
        return Question(tuple(messages), params, self.k)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Count the plans; replies without one do not count."""
        plans = (parse_plan(text, situation.options) for text in reply.texts)
        votes = Counter(plan for plan in plans if plan is not None)
        if not votes:
            reason = (
                Abstention.UNKNOWN_OPTION
                if any(names_a_plan(text) for text in reply.texts)
                else Abstention.INVALID_FORMAT
            )
            return Advice.abstain(
                f"none of {len(reply.texts)} replies names a known option", reason
            )
        return Advice.from_counts(votes, source="model")


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
