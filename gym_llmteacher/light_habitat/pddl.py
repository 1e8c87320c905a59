"""The few words of PDDL that the adapter and the actions use, for the light simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from gym_llmteacher.light_habitat.house import CELL, TABLE_HEIGHT
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
    :param receptacles: name of a receptacle -> the middle of its top
    """

    sim: LightSim
    obj_ids: dict[str, int]
    receptacles: dict[str, NDArray[np.float32]]

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
        return self.receptacles[entity.name]

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
        self._entities = sorted(self._objects, key=lambda entity: entity.name)
        self.goal = _all_of(content["goal"])
        self.stage_goals = {k: _all_of(goal) for k, goal in content["stage_goals"].items()}
        self.sim_info: Any = None

    def bind_to_instance(self, sim: LightSim, task: Any) -> None:
        """Name what is in the episode: the target, distractors, receptacles."""
        names = ["goal0|0", *(f"distractor{k}|0" for k in range(len(sim.handles) - 1))]
        tops = {}
        for name, cells in sim.house.furniture.items():
            x, z = (np.mean(cells, axis=0) + 0.5) * CELL
            tops[f"receptacle_{name}_0"] = np.array([x, TABLE_HEIGHT, z], np.float32)
        self.sim_info = SimInfo(sim, {name: k for k, name in enumerate(names)}, tops)
        added = [Entity(name, ExprType(MOVABLE)) for name in names[1:]]
        added += [Entity(name, ExprType(RECEPTACLE)) for name in tops]
        self._entities = sorted([*self._objects, *added], key=lambda entity: entity.name)

    def get_ordered_entities_list(self) -> list[Entity]:
        """All entities, sorted by name."""
        return list(self._entities)

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
