"""Carry a way of asking through: question by question, to advice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from gym_llmteacher.advice import Advice
from gym_llmteacher.llm.elicitation.base import Elicitation
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation
from gym_llmteacher.teachers.explanation import Exchange
from gym_llmteacher.teachers.ways import with_ways


def converse(
    elicitation: Elicitation,
    situation: Situation,
    ask: Callable[[Question], Reply],
    exchanges: list[Exchange],
) -> Advice:
    """Carry a dialogue through.

    :param exchanges: where questions and replies are noted down
    """
    dialogue = elicitation.dialogue(situation)
    question = next(dialogue)
    while True:
        question = labelled(question, elicitation, situation)
        exchanges.append(Exchange(question, None))
        reply = ask(question)
        exchanges[-1] = Exchange(question, reply)
        try:
            question = dialogue.send(reply)
        except StopIteration as end:
            return with_ways(end.value, situation)


def labelled(question: Question, elicitation: Elicitation, situation: Situation) -> Question:
    """With its kind, and what it is about."""
    return dataclasses.replace(
        question, kind=question.kind or elicitation.name, text=situation.text
    )


def words_key(situation: Situation) -> str:
    """What advice of somebody who reads words depends on."""
    if situation.obs is None:
        return situation.key
    return dataclasses.replace(situation, obs=None).key
