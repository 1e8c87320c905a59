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
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.errors import LLMError
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.local import DEFAULT_MODEL, is_local
from gym_llmteacher.llm.parse import parse_plan
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.template import Template
from gym_llmteacher.situation import Situation


@dataclass(frozen=True)
class Question:
    """What is sent: messages, sampling parameters and the number of samples."""

    messages: tuple[dict[str, str], ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    n: int = 1


class Elicitation(ABC):
    """A way to ask. Pure: no model, no state; the same situation gives the same question."""

    name: str

    @abstractmethod
    def question(self, situation: Situation) -> Question:
        """The question for a situation with at least one option."""

    @abstractmethod
    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Advice from the reply to `question`; abstains where there is none in it."""


@dataclass(frozen=True)
class NextSubgoal(Elicitation):
    """Exact probabilities of what is needed next, each carried by the plan that serves it.

    A situation without subgoals has its options scored instead, after other examples. Only the
    embedded model can score; see `elicitation_for`.
    """

    name = "subgoal"

    def question(self, situation: Situation) -> Question:
        """Text to go on from, and the candidates to score."""
        if situation.subgoals:
            names = list(dict.fromkeys(subgoal.name for subgoal in situation.subgoals))
            text = prompt.subgoal_prompt(situation.task, situation.state or situation.text)
        else:
            names = list(dict.fromkeys(situation.options))
            text = prompt.option_prompt(situation.task, situation.text, names)
        candidates = [_candidate(name) for name in names]
        return Question(({"role": "user", "content": text},), {"candidates": candidates})

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
    :param example: worked example for the prompt (a generic one by default)
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
        if self.template is not None:
            listed = [f"- {option}" for option in situation.options]
            messages = self.template.messages(
                situation.task, situation.text, listed, self.example or prompt.GUIDE_EXAMPLE
            )
        else:
            messages = prompt.guide_messages(
                situation.task, situation.text, situation.options, self.example, self.system
            )
        params = {"temperature": 0.7, "top_p": 0.7, "max_tokens": 1024}
        return Question(tuple(messages), params, self.k)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Count the plans; replies without one do not count."""
        plans = (parse_plan(text, situation.options) for text in reply.texts)
        votes = Counter(plan for plan in plans if plan is not None)
        if not votes:
            return Advice.abstain(f"none of {len(reply.texts)} replies names a known option")
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
            return Advice.abstain("more options than letters; use elicitation='samples'")
        if not reply.logprobs or not reply.logprobs[0]:
            return Advice.abstain("the model gives no log-probabilities; use elicitation='samples'")
        letters = dict(zip(string.ascii_uppercase, situation.options, strict=False))
        votes: dict[Plan, float] = {}
        for token, logprob in reply.logprobs[0]:
            option = letters.get(token.strip(" \n\t().:*").upper())
            if option is not None:
                votes[(option,)] = votes.get((option,), 0.0) + math.exp(min(0.0, logprob))
        if not votes:
            return Advice.abstain("no likely token is the letter of an option")
        return Advice.from_counts(votes, source="model")


def elicitation_for(
    name: str | None, model: str, samples: int = 10, example: str = "", system: str = ""
) -> Elicitation:
    """Make an elicitation of its name.

    :param name: ``"subgoal"``, ``"samples"``, ``"logprobs"``; ``None``: subgoal for the embedded model,
        samples for all others. ``"samples:prompt.txt"`` and ``"logprobs:prompt.txt"`` ask with the
        prompt in that file; see `gym_llmteacher.llm.template`
    :raises LLMError: unknown name, ``"subgoal"`` for a model that cannot score exactly, or a prompt
        file that cannot be read
    """
    name, _, path = (name or ("subgoal" if is_local(model) else "samples")).partition(":")
    template = Template.load(path) if path and name != "subgoal" else None
    if name == "samples":
        return Samples(samples, example, system, template)
    if name == "logprobs":
        return Logprobs(system, template)
    if name != "subgoal":
        raise LLMError(
            f"elicitation is {name!r}, expected 'subgoal', 'samples', 'logprobs' or None (chosen by "
            "the model)."
        )
    if not is_local(model):
        raise LLMError(
            f"elicitation='subgoal' scores candidates exactly, which {model!r} cannot be asked for "
            f"through its API; expected the embedded model ({DEFAULT_MODEL!r} or "
            "'local//path/to/a/model.gguf'). Cure: use elicitation='samples' or 'logprobs'."
        )
    return NextSubgoal()
