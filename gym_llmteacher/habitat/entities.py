"""Things to speak of: every object and receptacle of an episode as an entity of its problem.

A task's specification names its target and nothing else: distractors and receptacles are in the
simulator, but no option could name them. So they are registered after the problem was bound to the
episode, and the two actions that took their list of entities when they were made get the new one.
The same code serves the real task and the light one.
"""

from __future__ import annotations

from typing import Any

MOVABLE, PLACE = "movable_entity_type", "static_receptacle_entity_type"


def list_entities(task: Any) -> list[Any]:
    """Register what is in the episode, after ``task.reset``; all entities in their order.

    Indices of entities (1-based, as oracle navigation counts) are positions in what is returned.
    """
    problem = task.pddl_problem
    info, known = problem.sim_info, problem.get_ordered_entities_list()
    make = type(known[0])
    names = {entity.name for entity in known}
    # The target is in the simulator twice, by its handle and by its name in the specification.
    spoken_of = {info.obj_ids[name] for name in names if name in info.obj_ids}
    for name, number in sorted(info.obj_ids.items()):
        if number not in spoken_of:
            spoken_of.add(number)
            problem.register_episode_entity(make(name, info.expr_types[MOVABLE]))
    for name in sorted(set(info.receptacles) - names):
        problem.register_episode_entity(make(name, info.expr_types[PLACE]))
    entities = list(problem.get_ordered_entities_list())
    navigation, abstract = actions_of(task)
    if navigation is not None:
        navigation._poss_entities = entities
    if abstract is not None:
        abstract._entities_list = entities
    forget_targets(task)
    return entities


def forget_targets(task: Any) -> None:
    """Let oracle navigation work out again where things are and where to stand before them.

    It keeps both for the whole episode, and when the same episode is played again: a thing that was
    dropped elsewhere is never found, and an unlucky place to stand is never changed.
    """
    navigation, _ = actions_of(task)
    if navigation is not None:
        navigation._targets.clear()


def actions_of(task: Any) -> tuple[Any, Any]:
    """Oracle navigation and abstract actions of a task; ``None`` for what its config leaves out."""
    return task.actions.get("oracle_nav_action"), task.actions.get("pddl_apply_action")
