"""What a chat model is asked by default: the best question that the situation allows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gym_llmteacher.advice import Advice
from gym_llmteacher.llm.elicitation.base import Dialogue, Elicitation
from gym_llmteacher.llm.elicitation.plans import Samples
from gym_llmteacher.llm.elicitation.subgoals import SubgoalSamples
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation


@dataclass(frozen=True)
class Suited(Elicitation):
    """The next subgoal where the grounding names some, reasoned plans elsewhere.

    :param subgoals: how to ask where there are subgoals
    :param plans: how to ask where there are none
    """

    subgoals: Elicitation = field(default_factory=SubgoalSamples)
    plans: Elicitation = field(default_factory=Samples)
    name = "suited"

    def question(self, situation: Situation) -> Question:
        """The question of the one that suits."""
        way = self._by(situation)
        return replace(way.question(situation), kind=way.name)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Read by the one that suits."""
        return self._by(situation).read(reply, situation)

    def foreseen(self, situation: Situation) -> list[Question]:
        """Those of the one that suits."""
        way = self._by(situation)
        return [replace(question, kind=way.name) for question in way.foreseen(situation)]

    def dialogue(self, situation: Situation) -> Dialogue:
        """That of the one that suits."""
        way = self._by(situation)
        dialogue = way.dialogue(situation)
        question = next(dialogue)
        while True:
            reply = yield replace(question, kind=way.name)
            try:
                question = dialogue.send(reply)
            except StopIteration as end:
                advice: Advice = end.value
                return advice

    def _by(self, situation: Situation) -> Elicitation:
        return self.subgoals if situation.subgoals else self.plans
