"""The few words of PDDL that the adapter and the actions use, for the light simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from gym_llmteacher.light_habitat.simulator import LightSim

MOVABLE, RECEPTACLE = "movable_entity_type", "static_receptacle_entity_type"
GOAL, ROBOT = "goal_entity_type", "robot_entity_type"
AT = 2.0
"""Metres within which the robot is at something (``dist_thresh`` of ``robot_at``)."""


@dataclass(frozen=True)
class ExprType:
    """Name of a type."""

    name: str


@dataclass(frozen=True)
class Entity:
    """Something that can be spoken of."""

    name: str
    expr_type: ExprType


@dataclass(frozen=True)
class Predicate:
    """``holding(goal0|0,robot_0)``."""

    compact_str: str


@dataclass(frozen=True)
class Action:
    """Name and number of arguments of an abstract action."""

    name: str
    n_args: int


@dataclass
class SimInfo:
    """What entities are in the simulator.

    :param obj_ids: name of an object -> its index in ``sim.scene_obj_ids``
    :param receptacles: name of a receptacle -> what tells where it is
    """

    sim: LightSim
    obj_ids: dict[str, int]
    receptacles: dict[str, Any]
    expr_types: dict[str, ExprType] = field(
        default_factory=lambda: {n: ExprType(n) for n in (MOVABLE, RECEPTACLE, GOAL, ROBOT)}
    )

    def check_type_matches(self, entity: Entity, match_name: str) -> bool:
        return entity.expr_type.name == match_name

    def get_entity_pos(self, entity: Entity) -> NDArray[np.float32]:
        """Where something is, ``(x, y, z)``, metres."""
        if entity.name in self.obj_ids:
            return self._object(self.obj_ids[entity.name])
        if entity.expr_type.name == ROBOT:
            return self.sim.robot.base_pos
        if entity.expr_type.name == GOAL:
            return self._object(0)
        return np.array(self.receptacles[entity.name].get_global_transform(self.sim).translation)

    def _object(self, k: int) -> NDArray[np.float32]:
        position: NDArray[np.float32] = self.sim.objects[k]
        return position


@dataclass
class Problem:
    """Entities and goal, from the same task specification as the real task reads."""

    spec: str
    goal: Any = None
    stage_goals: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        content = yaml.safe_load(Path(self.spec).read_text())
        self._objects = [Entity(o["name"], ExprType(o["expr_type"])) for o in content["objects"]]
        self._added: dict[str, Entity] = {}
        self.goal = _all_of(content["goal"])
        self.stage_goals = {k: _all_of(goal) for k, goal in content["stage_goals"].items()}
        self.sim_info: Any = None

    def bind_to_instance(self, sim: LightSim, task: Any) -> None:
        """Take the episode's simulator; what an earlier episode added is forgotten.

        Entities are those of the specification, as in the real task; others have to be registered.
        """
        self._added = {}
        self.sim_info = SimInfo(sim, sim.handle_to_object_id, sim.receptacles)

    def register_episode_entity(self, entity: Entity) -> None:
        """Add an entity until the next `bind_to_instance`."""
        self._added[entity.name] = entity

    def get_ordered_entities_list(self) -> list[Entity]:
        """All entities, sorted by name."""
        return sorted([*self._objects, *self._added.values()], key=lambda entity: entity.name)

    def get_ordered_actions(self) -> list[Action]:
        """The abstract actions, sorted by name."""
        return [Action("nav", 2), Action("pick", 2)]

    def is_expr_true(self, expression: Any) -> bool:
        """Whether all predicates of an expression hold; ``holding`` is all there is."""
        return all(self._holds(predicate.compact_str) for predicate in expression.sub_exprs)

    def _holds(self, predicate: str) -> bool:
        name, arguments = predicate.rstrip(")").split("(")
        if name != "holding":
            raise ValueError(f"the predicate is {name!r}, expected 'holding': there is no other.")
        sim = self.sim_info.sim
        wanted = sim.scene_obj_ids[self.sim_info.obj_ids[arguments.split(",")[0]]]
        return bool(sim.grasp_mgr.snap_idx == wanted)


@dataclass(frozen=True)
class AllOf:
    """A conjunction of predicates."""

    sub_exprs: tuple[Predicate, ...]


def _all_of(expression: dict[str, Any]) -> AllOf:
    return AllOf(tuple(Predicate(p.replace(" ", "")) for p in expression["sub_exprs"]))
