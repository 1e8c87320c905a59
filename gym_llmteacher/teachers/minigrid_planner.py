"""A planner for MiniGrid's and BabyAI's missions that reads nothing but the words."""

from __future__ import annotations

import re

from gym_llmteacher.advice import Plan
from gym_llmteacher.groundings.minigrid.missions.instructions import parse_mission
from gym_llmteacher.situation import Situation

_SEEN = re.compile(r"<(locked |open )?([^<>(]+?)(?: \([^)]*\))?>")


def mission_planner(situation: Situation) -> Plan:
    """Do what the mission says next; unlock, uncover or clear away what that takes.

    What stands in the way comes first; then what the mission names, if it is in sight and not
    locked; then a locked door whose key is held, a key, a box that may hold one; else exploring.

    >>> from gym_llmteacher.teachers.scripted import ScriptedTeacher
    >>> ScriptedTeacher.named("mission_planner").function.__name__
    'mission_planner'
    """
    text = situation.text
    plans = {subgoal.name: subgoal.plan for subgoal in situation.subgoals}
    sees = text.split("Agent sees ", 1)[-1].split(" Agent holds ", 1)[0]
    seen = {name: (state or "").strip() for state, name in _SEEN.findall(sees)}
    fits = re.findall(r"It fits <([^>]+)>", text)
    blocking = re.findall(r"In the way: <([^>]+)>", text)
    if blocking:
        return plans[blocking[0]]
    mission = text.removeprefix("Mission: ").split(". ", 1)[0].removesuffix(" and say done")
    named = set()
    for one in (parse_mission(mission) or ((),))[0]:
        holding = one.verb == "put" and f"Agent holds <{one.thing.name}>" in text
        phrase = one.beside if holding and one.beside is not None else one.thing
        named |= {part.name for part in (one.thing, one.beside) if part is not None}
        is_locked = one.verb == "open" and seen.get(phrase.name) == "locked"
        if one.beside and one.beside.name not in seen and "locked" in seen.values():
            if "explore" in situation.options:
                return ("explore",)
            continue  # where it goes is behind a lock: hands are needed for that first
        if phrase.name in seen and (phrase.name in fits or not is_locked):
            return plans[phrase.name]
    keys = [name for name in seen if name.endswith("key") and name not in named]
    hidden = ["key"] if "locked" in seen.values() and not keys else []
    for name in (*fits, *keys, *hidden):
        if name in plans:
            return plans[name]
    if "explore" in situation.options:
        return ("explore",)
    return next((plan for plan in plans.values()), situation.options[:1])
