"""What a teacher might do otherwise: look again at what happened, or keep to a rule of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gym_llmteacher.errors import BudgetSpentError, NoReplyError
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.guideline import Guideline, one_line
from gym_llmteacher.llm.oracle import Oracle
from gym_llmteacher.llm.question import Question
from gym_llmteacher.reflection.cases import Case

NOTE, RULE = "asked again", "rule"
LONGEST = 300
"""Characters of a rule that are kept."""
_LABEL = re.compile(r"^\W*(?:the )?(?:rule|guideline)\W*:\s*", re.I)


class Proposal(NamedTuple):
    """A guideline to try.

    :param kind: `NOTE`: the model is asked again at some texts, and told what happened there;
        `RULE`: one that it made goes into every prompt
    :param words: what is new in the guideline, in one line
    """

    kind: str
    words: str
    guideline: Guideline


def proposals(oracle: Oracle, present: Guideline, worst: Sequence[Case]) -> Iterator[Proposal]:
    """What follows from the worst cases, notes and rules in turn; the model is asked as they go.

    Notes on all of them first, since one wrong answer may be enough to lose; then on each alone.
    Each time it is asked for a rule it is told which ones did not help.

    :param present: the guideline so far, which is added to
    :raises BudgetSpentError: (while iterating) there is nothing left to ask for a rule
    """
    rejected: list[str] = []
    alone = [[case] for case in worst] if len(worst) > 1 else []
    for noted in ([worst] if worst else []) + alone:
        told = {case.text: case.happened() for case in noted}
        words = "; ".join(f"{text} {note}" for text, note in told.items())
        yield Proposal(NOTE, words, Guideline(present.rule, {**present.notes, **told}))
        rule = _rule(oracle, present.rule, worst, rejected)
        if rule and rule not in rejected and rule != present.rule:
            rejected.append(rule)
            yield Proposal(RULE, rule, Guideline(rule, present.notes))


def _rule(oracle: Oracle, present: str, worst: Sequence[Case], rejected: Sequence[str]) -> str:
    """A rule in the model's words, one line of bounded length; empty: it gave none."""
    told = [(case.task, case.text, case.happened()) for case in worst]
    question = Question(
        tuple(prompt.rule_messages(told, present, rejected)),
        {"temperature": 0.7, "max_tokens": 120},
        brief=True,
        kind="reflection",
        text=worst[0].text,
    )
    try:
        reply = oracle.ask(question)
    except BudgetSpentError:
        raise
    except NoReplyError:
        return ""
    return read_rule(reply.texts[0] if reply.texts else "")


def read_rule(text: str) -> str:
    """The rule in a reply.

    >>> read_rule('**Rule:** "Get the key\\n first."')
    'Get the key first.'
    """
    words = _LABEL.sub("", one_line(text, 4 * LONGEST)).strip("\"'*` ")
    return one_line(words, LONGEST)
