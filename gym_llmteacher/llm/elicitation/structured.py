"""A plan as JSON, held to a schema where the model takes one."""

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
from gym_llmteacher.situation import Situation


@dataclass(frozen=True)
class Structured(Elicitation):
    """Sampled plans in JSON whose schema lists the options, so that no other can be named.

    Whether a model takes a schema is found out by asking it: one that refuses ``response_format``
    is asked for JSON in words.

    :param k: number of samples
    """

    k: int = 10
    name = "structured"

    def question(self, situation: Situation) -> Question:
        """Chat messages, and the schema."""
        messages = prompt.json_messages(situation.task, situation.text, situation.options,
                                        situation.example)  # fmt: skip
        params = {
            "temperature": 0.7,
            "max_tokens": 1024,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "plan", "strict": True, "schema": _schema(situation.options)
                },
            },
        }  # fmt: skip
        return Question(tuple(messages), params, self.k)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Count the plans."""
        plans = (parse_plan(text, situation.options) for text in reply.texts)
        votes = Counter(plan for plan in plans if plan is not None)
        return advice_from_votes(votes, reply.texts)


def _schema(options: tuple[str, ...]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "options": {"type": "array", "items": {"type": "string", "enum": list(options)}},
        },
        "required": ["reasoning", "options"],
        "additionalProperties": False,
    }
