"""What is known besides the situation, put into a question: a guideline, and what worked before.

Chat models get it as lines before the question, and the rule with the instructions; the embedded
model, which goes on with a text, gets it as further examples. All of it is words of an env or of a
model: each stands on a line of its own, quoted, and of bounded length.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from gym_llmteacher.advice import Advice
from gym_llmteacher.experience.lessons import Lesson, Lessons
from gym_llmteacher.llm.elicitation.base import Dialogue, Elicitation
from gym_llmteacher.llm.guideline import Guideline, one_line
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation

_LAST_TASK = "\n\nTask: "


class InContext(Elicitation):
    """Asks as another way of asking does, and adds what is known besides.

    :param inner: the way of asking
    :param guideline: may be empty
    :param lessons: what worked before; ``None``: nothing is remembered

    >>> from gym_llmteacher.llm.elicitation.plans import Samples
    >>> here = Situation("Agent sees <key>.", ("explore", "go to key"), [[1.0], [1.0]])
    >>> asked = InContext(Samples(), Guideline("Get the key first.")).question(here)
    >>> asked.messages[0]["content"].splitlines()[-1]
    'A rule from earlier episodes: "Get the key first."'
    """

    def __init__(
        self, inner: Elicitation, guideline: Guideline, lessons: Lessons | None = None
    ) -> None:
        self.inner, self.guideline, self.lessons = inner, guideline, lessons
        self.name, self.scores = inner.name, inner.scores

    def question(self, situation: Situation) -> Question:
        """That of the inner way, with what is known."""
        return self._added(self.inner.question(situation), situation)

    def foreseen(self, situation: Situation) -> list[Question]:
        """Those of the inner way, with what is known."""
        return [self._added(each, situation) for each in self.inner.foreseen(situation)]

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """As the inner way reads it."""
        return self.inner.read(reply, situation)

    def dialogue(self, situation: Situation) -> Dialogue:
        """That of the inner way; what is known stands in each of its questions."""
        dialogue = self.inner.dialogue(situation)
        question = next(dialogue)
        while True:
            reply = yield self._added(question, situation)
            try:
                question = dialogue.send(reply)
            except StopIteration as end:
                advice: Advice = end.value
                return advice

    def _added(self, question: Question, situation: Situation) -> Question:
        note = self.guideline.notes.get(situation.text, "")
        lessons = self.lessons.similar(situation) if self.lessons is not None else []
        if not (self.guideline.rule or note or lessons):
            return question
        add = _to_text if question.candidates else _to_chat
        return add(question, situation, self.guideline.rule, note, lessons)


def _to_chat(
    question: Question, situation: Situation, rule: str, note: str, lessons: Sequence[Lesson]
) -> Question:
    messages = [dict(message) for message in question.messages]
    before = []
    if lessons:
        before.append("What worked in similar situations:")
        before += [_line(lesson, bool(situation.subgoals)) for lesson in lessons]
    if note:
        before.append(f"What happened in this situation before: {_quoted(note)}")
    if rule:
        ruled = f"A rule from earlier episodes: {_quoted(rule)}"
        if messages[0]["role"] == "system":
            messages[0]["content"] += f"\n\n{ruled}"
        else:
            before.insert(0, ruled)
    if before:
        last = max(i for i, message in enumerate(messages) if message["role"] != "assistant")
        messages[last]["content"] = "\n".join([*before, "", messages[last]["content"]])
    return replace(question, messages=tuple(messages))


def _line(lesson: Lesson, needs: bool) -> str:
    did = ", ".join(lesson.options)
    worked = f"{lesson.need} ({did})" if needs and lesson.need else did
    return f"- {_quoted(lesson.text)} What worked: {_quoted(worked)}"


def _to_text(
    question: Question, situation: Situation, rule: str, note: str, lessons: Sequence[Lesson]
) -> Question:
    """A text to go on with: rule first, what worked as examples, and what happened here last."""
    *before, last = [dict(message) for message in question.messages]
    examples, cut, asked = last["content"].rpartition(_LAST_TASK)
    told = [example for lesson in lessons for example in _examples(lesson, situation)]
    if told and not situation.subgoals:
        # Small models choose by the list, whatever the examples say: they are taught without it.
        said, listed, end = asked.rpartition(" Options: ")
        asked = f"{said}\n{end.partition(chr(10))[2]}" if listed else asked
    parts = [f"Rule: {one_line(rule)}"] if rule else []
    parts += [examples] if cut else []
    parts += [*told, *([f"Note: {one_line(note)}"] if note else [])]
    content = "\n\n".join([*parts, f"Task: {asked}" if cut else asked])
    return replace(question, messages=(*before, {**last, "content": content}))


def _examples(lesson: Lesson, situation: Situation) -> list[str]:
    """As the question itself is put, and answered; once for each option that had its time."""
    task = one_line(lesson.task).rstrip(".")
    if situation.subgoals and lesson.need:
        about = one_line(lesson.state or lesson.text)
        return [f"Task: {task}.\n{about} It now needs the {one_line(lesson.need)}."]
    about = one_line(lesson.text).rstrip(".")
    return [
        f"Task: {task}.\n{about}.\nThe best option is: {one_line(option)}."
        for option in lesson.options
    ]


def _quoted(text: str) -> str:
    return json.dumps(one_line(text), ensure_ascii=False)
