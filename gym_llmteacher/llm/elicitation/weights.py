"""One reply with a weight per option: a distribution for the price of one sample."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.choices import without_thoughts
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.elicitation.votes import nothing_read
from gym_llmteacher.llm.names import Names, half_width
from gym_llmteacher.llm.parse import MAX_CHARS, json_objects
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation

_MOST = 1e9  # a weight above this is none
_LINE = re.compile(r"^(.{1,200}?)\s*[:=]\s*(\d{1,9}(?:\.\d{1,9})?)\s*%?\W*$", re.M)


@dataclass(frozen=True)
class Weights(Elicitation):
    """Verbalised probabilities: the model writes down how good each option is, in percent.

    Confidence is the share of the weight that is on known options.
    """

    name = "weights"

    def question(self, situation: Situation) -> Question:
        """Chat messages that ask for JSON with one number per option."""
        messages = prompt.weight_messages(situation.task, situation.text, situation.options)
        return Question(tuple(messages), {"max_tokens": 1024})

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """The weights of the last object, or of the lines ``option: number``."""
        names = Names(situation.options)
        votes: dict[Plan, float] = {}
        for text in reply.texts:
            known, total = 0.0, 0.0
            votes = {}
            for item, weight in _weights(half_width(without_thoughts(text[-MAX_CHARS:]))):
                total += weight
                option = names.find(item)
                if option is not None:
                    known += weight
                    votes[(option,)] = votes.get((option,), 0.0) + weight
            if known > 0:
                return Advice.from_counts(votes, min(1.0, known / total), source="model")
        return nothing_read(reply.texts)


def _weights(text: str) -> Iterator[tuple[str, float]]:
    for found in json_objects(text):
        inner = next((v for v in found.values() if isinstance(v, dict)), found)
        pairs = [(str(k), float(v)) for k, v in inner.items() if isinstance(v, (int, float))]
        pairs = [(item, weight) for item, weight in pairs if 0 <= weight < _MOST]
        if pairs:
            yield from pairs
            return
    for item, number in _LINE.findall(text):
        yield item, float(number)
