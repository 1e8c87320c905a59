"""What an episode is about: things by name, where they are, what the robot holds."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError

Point = NDArray[np.float32]
_MOVABLE, _PLACE = "movable_entity_type", "static_receptacle_entity_type"


def label(handle: str) -> str:
    """A word for a handle of a simulated thing.

    >>> label("013_apple_:0000"), label("receptacle_table_0"), label("002_master_chef_can")
    ('apple', 'table', 'master chef can')
    """
    words = re.sub(r":\d+$", "", handle.rsplit("/", 1)[-1]).split("_")
    noise = {"", "receptacle", "aabb", "mesh", "frl", "apartment", "goal"}
    return " ".join(w for w in words if w not in noise and not w.isdigit()) or handle


class World:
    """The entities of a PDDL task under names that a teacher understands.

    Reads ``habitat.Env`` and changes nothing: ``env.task.pddl_problem`` for names and positions,
    ``env.sim`` for paths, the arm and what is held. The same code serves the real task and the
    light one.

    :param env: ``habitat.Env`` with a PDDL task
    :param objects: words of objects that may be spoken of; empty: entities go by their own names
    :param places: words of receptacles
    :raises GroundingError: the task has no PDDL problem
    """

    def __init__(self, env: Any, objects: Sequence[str] = (), places: Sequence[str] = ()) -> None:
        if not hasattr(env.task, "pddl_problem"):
            raise GroundingError(
                f"the task is {type(env.task).__name__}, expected one with entities and actions in "
                "PDDL. Cure: habitat.task.type=RearrangePddlTask-v0, as in nav_pick_config()."
            )
        self._env = env
        self._worded = bool(objects)
        known = env.task.pddl_problem.get_ordered_entities_list()
        own = [e.name for e in known if e.expr_type.name == _MOVABLE]
        self.objects = tuple(objects) or tuple(own)
        self.places = tuple(places)
        self.arrived: str | None = None
        self._names: dict[str, Any] = {}

    @property
    def sim(self) -> Any:
        """The simulator."""
        return self._env.sim

    @property
    def _problem(self) -> Any:
        return self._env.task.pddl_problem

    def refresh(self) -> None:
        """Take note of what is in this episode."""
        self.arrived = None
        info = self._problem.sim_info
        entities = self._problem.get_ordered_entities_list()
        self._index = {entity.name: i + 1 for i, entity in enumerate(entities)}
        self._names = {}
        self._goals: dict[str, tuple[Point, Point]] = {}
        self._ids: dict[int, str] = {}
        for entity in entities:
            movable = info.check_type_matches(entity, _MOVABLE)
            if not movable and not info.check_type_matches(entity, _PLACE):
                continue
            if movable:
                object_id = self.sim.scene_obj_ids[info.obj_ids[entity.name]]
                handle = self.sim.get_rigid_object_manager().get_object_by_id(object_id).handle
            word = label(handle if movable else entity.name) if self._worded else entity.name
            if word in (self.objects if movable else self.places):
                self._names[word] = entity
                if movable:
                    self._ids[object_id] = word
        self.target = self._target()

    def _target(self) -> str | None:
        """The object that the goal says to hold."""
        for predicate in self._problem.goal.sub_exprs:
            found = re.fullmatch(r"holding\((.+?),.*\)", predicate.compact_str)
            if found:
                by_name = {entity.name: word for word, entity in self._names.items()}
                return by_name.get(found.group(1))
        return None

    @property
    def things(self) -> list[str]:
        """Words of everything in this episode, objects first, each group sorted."""
        return sorted(self._names, key=lambda word: (word in self.places, word))

    def present(self, word: str) -> bool:
        """Whether there is such a thing in this episode."""
        return word in self._names

    def index(self, word: str) -> int:
        """1-based index of an entity, as oracle navigation counts; 0 if it is not there."""
        entity = self._names.get(word)
        return 0 if entity is None else self._index[entity.name]

    @property
    def robot_index(self) -> int:
        """1-based index of the robot among the entities."""
        return next(i for name, i in self._index.items() if name.startswith("robot"))

    def action_offset(self, name: str) -> int:
        """First slot of an abstract action."""
        offset = 0
        for action in self._problem.get_ordered_actions():
            if action.name == name:
                return offset
            offset += action.n_args
        raise GroundingError(f"the PDDL domain has no action {name!r}, expected one.")

    @property
    def holding(self) -> str | None:
        """What the robot holds; "something" if it is nothing we have a word for."""
        held = self.sim.grasp_mgr.snap_idx
        return None if held is None else self._ids.get(held, "something")

    @property
    def robot(self) -> Any:
        """The robot: ``base_pos`` (x, y, z) in metres, ``base_rot`` in radians."""
        return self.sim.articulated_agent

    def position(self, word: str) -> Point:
        """Where a thing is, (x, y, z), metres."""
        return np.asarray(self._problem.sim_info.get_entity_pos(self._names[word]), np.float32)

    def polar(self, point: Point) -> tuple[float, float]:
        """Distance (metres) and bearing (radians, left is positive) of a point from the robot."""
        dx, _, dz = np.asarray(point, np.float32) - np.asarray(self.robot.base_pos, np.float32)
        angle = math.atan2(-dz, dx) - self.robot.base_rot
        return math.hypot(dx, dz), math.remainder(angle, 2 * math.pi)

    def graspable(self, reach: float) -> str | None:
        """What a magic grasp would take: the object nearest to the gripper, if near enough."""
        gripper = np.asarray(self.robot.ee_transform().translation, np.float32)
        gaps = [(math.dist(self.position(word), gripper), word) for word in self._ids.values()]
        gap, word = min(gaps, default=(math.inf, ""))
        return word if gap < reach else None

    def path(self, word: str) -> list[Point]:
        """Corners of the way from the robot to where it can stand before a thing; [] if none."""
        target = self.position(word)
        kept = self._goals.get(word)
        if kept is None or not np.array_equal(kept[0], target):
            kept = self._goals[word] = (target, np.asarray(self.sim.safe_snap_point(target)))
        start = np.asarray(self.robot.base_pos, np.float32)
        return list(self.sim.get_straight_shortest_path_points(start, kept[1]))
