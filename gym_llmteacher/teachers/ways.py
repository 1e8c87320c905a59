"""The steps that an advised option presumes, put before it."""

from __future__ import annotations

import dataclasses

from gym_llmteacher.advice import Advice, Plan
from gym_llmteacher.situation import Situation


def with_ways(advice: Advice, situation: Situation) -> Advice:
    """Have "pick up X" include going there.

    Options are offered from afar, and do nothing there. What makes one apply stands before it in
    the plan of a subgoal. An option that begins some subgoal's plan presumes nothing.

    >>> import numpy as np
    >>> from gym_llmteacher.situation import Subgoal
    >>> here = Situation("", ("go to key", "pick up key"), np.zeros((2, 1)),
    ...                  subgoals=(Subgoal("key", ("go to key", "pick up key")),))
    >>> with_ways(Advice(((("pick up key",), 1.0),)), here).plans
    ((('go to key', 'pick up key'), 1.0),)
    """
    first = {subgoal.plan[0] for subgoal in situation.subgoals if subgoal.plan}
    ways: dict[str, Plan] = {}
    for subgoal in situation.subgoals:
        for i, option in enumerate(subgoal.plan):
            if option not in first:
                ways.setdefault(option, subgoal.plan[:i])
    if not ways or advice.abstained:
        return advice
    votes: dict[Plan, float] = {}
    for plan, probability in advice.plans:
        whole: list[str] = []
        for option in plan:
            whole += [step for step in ways.get(option, ()) if step not in whole]
            whole.append(option)
        votes[tuple(whole)] = votes.get(tuple(whole), 0.0) + probability
    return dataclasses.replace(advice, plans=tuple(votes.items()))
