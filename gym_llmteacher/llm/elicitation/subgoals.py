"""Which one thing is needed next, asked of a chat model; code knows how to get it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.elicitation.base import Dialogue, Elicitation
from gym_llmteacher.llm.elicitation.votes import advice_from_votes
from gym_llmteacher.llm.names import Names
from gym_llmteacher.llm.parse import parse_name
from gym_llmteacher.llm.question import Question
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation


@dataclass(frozen=True)
class SubgoalSamples(Elicitation):
    """A few short samples of what is needed next (SayCan, arXiv 2204.01691, without scores).

    The lever for small models: which thing comes first is a simpler question than how to get it,
    and the grounding knows the latter. A situation without subgoals has its options asked about.
    Small models prefer what is listed first, so half of the samples see the list turned round.

    :param k: number of samples, over both orders
    """

    k: int = 4
    name = "subgoal"

    def question(self, situation: Situation) -> Question:
        """Chat messages with worked examples; the answer is a name."""
        return self.foreseen(situation)[0]

    def foreseen(self, situation: Situation) -> list[Question]:
        """The question with the list in one order, then in the other."""
        names = sorted({name for name, _ in served(situation)})
        about = situation.state or situation.text if situation.subgoals else situation.text
        params = {"temperature": 0.7, "max_tokens": 16}
        halves = [(names, self.k - self.k // 2), (names[::-1], self.k // 2)]
        if len(names) == 1:
            halves = [(names, self.k)]
        return [
            Question(
                tuple(prompt.need_messages(situation.task, about, listed)), params, n, brief=True
            )
            for listed, n in halves
            if n
        ]

    def dialogue(self, situation: Situation) -> Dialogue:
        """Both orders; together they are one reply."""
        replies = []
        for question in self.foreseen(situation):
            replies.append((yield question))
        texts = tuple(text for reply in replies for text in reply.texts)
        return self.read(Reply(texts), situation)

    def read(self, reply: Reply, situation: Situation) -> Advice:
        """Give each plan the share of the samples that name its subgoal."""
        pairs = served(situation)
        names = Names([name for name, _ in pairs])
        said = Counter(parse_name(text, names) for text in reply.texts)
        votes: dict[Plan, float] = {}
        for name, plan in pairs:
            votes[plan] = votes.get(plan, 0.0) + said.get(name, 0)
        return advice_from_votes(votes, reply.texts)


def served(situation: Situation) -> list[tuple[str, Plan]]:
    """What may be needed, each with the plan that gets it."""
    subgoals = [(subgoal.name, subgoal.plan) for subgoal in situation.subgoals]
    return subgoals or [(option, (option,)) for option in situation.options]
