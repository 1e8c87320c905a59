"""What an episode is about: things by name, where they are, what the robot holds."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.habitat.entities import MOVABLE, PLACE, list_entities

Point = NDArray[np.float32]
ALL = "all"


def label(handle: str) -> str:
    """A word for a handle of a simulated thing.

    >>> label("013_apple_:0000"), label("receptacle_table_0"), label("002_master_chef_can")
    ('apple', 'table', 'master chef can')
    """
    name = handle.rsplit("/", 1)[-1].removesuffix(".object_config")
    words = re.sub(r":\d+$", "", name).split("_")
    noise = {"", "receptacle", "aabb", "mesh", "frl", "apartment", "goal"}
    return " ".join(w for w in words if w not in noise and not w.isdigit()) or handle


def words_of_episodes(episodes: Sequence[Any]) -> tuple[str, ...]:
    """Words of all objects that occur in episodes, sorted.

    >>> from types import SimpleNamespace as Episode
    >>> words_of_episodes([Episode(rigid_objs=[("013_apple.object_config", None)])])
    ('apple',)
    """
    handles = {handle for episode in episodes for handle, *_ in episode.rigid_objs}
    return tuple(sorted({label(handle) for handle in handles}))


def _words_of_scene(env: Any) -> tuple[str, ...]:
    if not env.sim.receptacles:
        env.reset()  # only a loaded scene has receptacles
    return tuple(sorted({label(name) for name in env.sim.receptacles}))


class World:
    """The entities of a PDDL task under names that a teacher understands.

    Reads ``env.task.pddl_problem`` for names and positions, ``env.sim`` for paths, the arm and what
    is held, and adds to the problem what else is in the episode (`list_entities`). The same code
    serves the real task and the light one.

    Where several things have one word, the word is the target's, or that of the first by name.

    :param env: ``habitat.Env`` with a PDDL task
    :param objects: words of objects that may be spoken of; ``"all"``: those of all episodes; empty:
        entities go by their own names, and only those of the task's specification can be chosen
    :param places: words of receptacles; ``"all"``: those of the first scene
    :raises GroundingError: the task has no PDDL problem
    """

    def __init__(
        self, env: Any, objects: Sequence[str] | str = (), places: Sequence[str] | str = ()
    ) -> None:
        if not hasattr(env.task, "pddl_problem"):
            raise GroundingError(
                f"the task is {type(env.task).__name__}, expected one with entities and actions in "
                "PDDL. Cure: habitat.task.type=RearrangePddlTask-v0, as in nav_pick_config()."
            )
        self._env = env
        if objects == ALL:
            objects = words_of_episodes(env.episodes)
        if places == ALL:
            places = _words_of_scene(env)
        self._worded = bool(objects)
        known = env.task.pddl_problem.get_ordered_entities_list()
        own = [e.name for e in known if e.expr_type.name == MOVABLE]
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
        """Take note of what is in this episode, which has just been reset."""
        self.arrived = None
        entities = list_entities(self._env.task)
        info = self._problem.sim_info
        self._index = {entity.name: i + 1 for i, entity in enumerate(entities)}
        self._names = {}
        self._goals: dict[str, tuple[Point, Point]] = {}
        self._ids: dict[int, str] = {}
        wanted = self._wanted()
        for entity in sorted(entities, key=lambda entity: entity.name != wanted):
            movable = info.check_type_matches(entity, MOVABLE)
            if not movable and not info.check_type_matches(entity, PLACE):
                continue
            if movable:
                object_id = self.sim.scene_obj_ids[info.obj_ids[entity.name]]
                handle = self.sim.get_rigid_object_manager().get_object_by_id(object_id).handle
            word = label(handle if movable else entity.name) if self._worded else entity.name
            if word in (self.objects if movable else self.places) and word not in self._names:
                self._names[word] = entity
                if movable:
                    self._ids[object_id] = word
        by_name = {entity.name: word for word, entity in self._names.items()}
        self.target = by_name.get(wanted or "")
        """Word of what the goal says to hold; ``None``: there is no word for it."""

    def _wanted(self) -> str | None:
        """Name of the entity that the goal says to hold."""
        for predicate in self._problem.goal.sub_exprs:
            found = re.fullmatch(r"holding\((.+?),.*\)", predicate.compact_str)
            if found:
                return found.group(1)
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
        """Where a thing is now, (x, y, z), metres; a copy, since the simulator's own changes."""
        return np.array(self._problem.sim_info.get_entity_pos(self._names[word]), np.float32)

    def polar(self, point: Point) -> tuple[float, float]:
        """Distance (metres) and bearing (radians, left is positive) of a point from the robot."""
        dx, _, dz = np.asarray(point, np.float32) - np.asarray(self.robot.base_pos, np.float32)
        angle = math.atan2(-dz, dx) - self.robot.base_rot
        return math.hypot(dx, dz), math.remainder(angle, 2 * math.pi)

    def graspable(self, reach: float) -> str | None:
        """What a magic grasp would take: the object nearest to the gripper, if near enough.

        Compared with all objects, as the grasp does it; ``None`` also where it would take one that
        we have no word for.
        """
        positions = np.asarray(self.sim.get_scene_pos(), np.float32).reshape(-1, 3)
        if not len(positions):
            return None
        gaps = np.linalg.norm(positions - np.asarray(self._gripper(), np.float32), axis=1)
        nearest = int(gaps.argmin())
        return self._ids.get(self.sim.scene_obj_ids[nearest]) if gaps[nearest] < reach else None

    def _gripper(self) -> Any:
        return self.robot.ee_transform().translation

    def path(self, word: str) -> list[Point]:
        """Corners of the way from the robot to where it can stand before a thing; [] if none."""
        target = self.position(word)
        kept = self._goals.get(word)
        if kept is None or not np.array_equal(kept[0], target):
            kept = self._goals[word] = (target, np.asarray(self.sim.safe_snap_point(target)))
        start = np.asarray(self.robot.base_pos, np.float32)
        return list(self.sim.get_straight_shortest_path_points(start, kept[1]))
