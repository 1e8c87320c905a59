"""The simulator: a point that moves on a grid, a gripper, and a depth camera."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from gym import spaces
from habitat.config.default_structured_configs import SimulatorConfig
from habitat.core.registry import registry
from habitat.core.simulator import DepthSensor, SensorSuite, Simulator
from numpy.typing import NDArray

from gym_llmteacher.light_habitat.depth import DepthCamera
from gym_llmteacher.light_habitat.house import (
    CELL,
    TABLE_HEIGHT,
    WALL_HEIGHT,
    Cell,
    centre,
    forward,
    make_house,
)
from gym_llmteacher.light_habitat.manners import Manners, enter, leave
from gym_llmteacher.light_habitat.paths import nearest_free, way

REACH = 0.5
"""Metres from the robot's middle to its gripper."""
GRIPPER_HEIGHT = 0.8
_FIRST_ID = 10  # object ids are no list indices in habitat-sim either

Vector = NDArray[np.float32]


@dataclass
class Robot:
    """Pose of the base; the arm is held out in front."""

    base_pos: Vector = field(default_factory=lambda: np.zeros(3, np.float32))
    base_rot: float = 0.0

    def ee_transform(self) -> Any:
        """Pose of the gripper; ``translation`` is all there is of it."""
        x, z = forward(self.base_rot)
        ahead = np.array([REACH * x, GRIPPER_HEIGHT, REACH * z], np.float32)
        return SimpleNamespace(translation=self.base_pos + ahead)

    def local(self, point: Vector) -> Vector:
        """A point in the robot's frame: ahead, left, up (metres)."""
        x, z = forward(self.base_rot)
        dx, dy, dz = point - self.base_pos
        return np.array([dx * x + dz * z, dx * z - dz * x, dy], np.float32)


@dataclass
class LightSimulatorConfig(SimulatorConfig):
    """habitat-lab's config of a simulator, and the manners of this one."""

    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True)
class Receptacle:
    """A piece of furniture; ``cell`` is its middle."""

    cell: tuple[float, ...]

    def get_global_transform(self, sim: Any) -> Any:
        """Pose of the middle of its top; ``translation`` is all there is of it."""
        x, z = ((c + 0.5) * CELL for c in self.cell)
        return SimpleNamespace(translation=np.array([x, TABLE_HEIGHT, z], np.float32))


@dataclass
class Gripper:
    """Id of the object that is held, or ``None``."""

    snap_idx: int | None = None

    @property
    def is_grasped(self) -> bool:
        """Whether anything is held."""
        return self.snap_idx is not None


@registry.register_sensor(name="LightDepthSensor")
class LightDepthSensor(DepthSensor):
    """Depth, float32 ``(height, width, 1)``, in [0, 1] if normalised, else metres."""

    def __init__(self, sim: LightSim, config: Any) -> None:
        self._sim = sim
        self.camera = DepthCamera(config.height, config.width, config.hfov, config.max_depth)
        self._scale = np.float32(1.0 / config.max_depth if config.normalize_depth else 1.0)
        self._name = str(config.uuid)
        super().__init__(config=config)

    def _get_uuid(self, *args: Any, **kwargs: Any) -> str:
        return self._name

    def _get_observation_space(self, *args: Any, **kwargs: Any) -> spaces.Box:
        high = 1.0 if self.config.normalize_depth else self.config.max_depth
        return spaces.Box(0.0, high, (self.config.height, self.config.width, 1), np.float32)

    def get_observation(self, *args: Any, **kwargs: Any) -> Vector:
        sim = self._sim
        depth = self.camera.look(sim.heights(), sim.robot.base_pos, sim.robot.base_rot)
        return depth * self._scale


@registry.register_simulator(name="LightSim-v0")
class LightSim(Simulator):
    """What habitat-lab's rearrangement code asks of its simulator, without physics."""

    def __init__(self, config: Any) -> None:
        self.habitat_config = config
        self.ctrl_freq = float(config.ctrl_freq)
        self.manners = Manners(**config.get("manners", {}))
        enter(self, self.manners.one_env)
        self._sliding = bool(config.habitat_sim_v0.allow_sliding)
        self.rng = np.random.default_rng()
        """The path finder's generator."""
        self._scene: str | None = None
        self.robot, self.grasp_mgr = Robot(), Gripper()
        self.pathfinder = self
        self.objects: NDArray[np.float32] = np.zeros((0, 3), np.float32)
        self.handles: list[str] = []
        self.house = make_house(0)
        agent = config.agents[config.agents_order[config.default_agent_id]]
        sensors = [LightDepthSensor(self, cfg) for cfg in agent.sim_sensors.values()]
        self._suite = SensorSuite(sensors)

    @property
    def sensor_suite(self) -> SensorSuite:
        return self._suite

    @property
    def articulated_agent(self) -> Robot:
        return self.robot

    @property
    def scene_obj_ids(self) -> list[int]:
        """Ids of the objects, in the order of the episode."""
        return [_FIRST_ID + k for k in range(len(self.handles))]

    def get_agent_data(self, agent_idx: int | None) -> Any:
        return SimpleNamespace(articulated_agent=self.robot, grasp_mgr=self.grasp_mgr)

    def get_rigid_object_manager(self) -> Any:
        def get(object_id: int) -> Any:
            k = object_id - _FIRST_ID
            return SimpleNamespace(handle=self.handles[k], translation=self.objects[k])

        return SimpleNamespace(get_object_by_id=get)

    def get_scene_pos(self) -> Vector:
        """Where all objects are, float32 ``(n, 3)``."""
        return self.objects

    @property
    def handle_to_object_id(self) -> dict[str, int]:
        """Index of each object in ``scene_obj_ids``; the target's under its other name as well."""
        found = {handle: k for k, handle in enumerate(self.handles)}
        return {**found, "goal0|0": 0} if found else found

    @property
    def receptacles(self) -> dict[str, Receptacle]:
        """Receptacles by name."""
        return {
            f"receptacle_{name}_0": Receptacle(tuple(np.mean(cells, axis=0)))
            for name, cells in self.house.furniture.items()
        }

    def get_target_objs_start(self) -> Vector:
        """Where the objects to be picked are, float32 ``(1, 3)``."""
        return self.objects[:1]

    def seed(self, seed: int) -> None:
        """Seed the path finder."""
        self.rng = np.random.default_rng(seed)

    def reconfigure(self, config: Any, episode: Any = None) -> None:
        """Set everything up as the episode says."""
        if episode is None:
            return
        if self._scene != episode.scene_id:
            self.rng = np.random.default_rng()  # a new scene has a path finder of its own
        self._scene = episode.scene_id
        self.house = make_house(episode.house)
        _, sine, _, cosine = episode.start_rotation
        self.robot = Robot(
            np.array(episode.start_position, np.float32), 2 * math.atan2(sine, cosine)
        )
        self.grasp_mgr.snap_idx = None
        self.handles = [handle for handle, _ in episode.rigid_objs]
        self.objects = np.array([position for _, position in episode.rigid_objs], np.float32)

    def reset(self) -> Any:
        return self._suite.get_observations()

    def step(self, action: Any) -> Any:
        return self._suite.get_observations()

    def step_physics(self, delta: float) -> None:
        """Carry along what is held."""
        if self.grasp_mgr.snap_idx is not None:
            held = self.grasp_mgr.snap_idx - _FIRST_ID
            self.objects[held] = self.robot.ee_transform().translation

    def let_go(self) -> None:
        """Open the gripper; without physics things stay where they are, but never in a wall."""
        held, self.grasp_mgr.snap_idx = self.grasp_mgr.snap_idx, None
        if held is None:
            return
        x, y, z = self.robot.ee_transform().translation
        i, j = int(x // CELL), int(z // CELL)
        nx, nz = self.house.height.shape
        if not (0 <= i < nx and 0 <= j < nz) or self.house.height[i, j] == WALL_HEIGHT:
            x, _, z = self.robot.base_pos
        self.objects[held - _FIRST_ID] = (x, y, z)

    def heights(self) -> NDArray[np.float32]:
        """Height of everything the camera sees, float32 ``(nx, nz)``, metres."""
        heights = self.house.height.copy()
        for k, (x, y, z) in enumerate(self.objects.tolist()):
            if k + _FIRST_ID != self.grasp_mgr.snap_idx:
                heights[int(x / CELL), int(z / CELL)] = y + 0.1
        return heights

    def move(self, metres: float, radians: float) -> None:
        """Turn, then go; along a wall rather than into it, or not at all if sliding is off."""
        robot = self.robot
        robot.base_rot = math.remainder(robot.base_rot + radians, 2 * math.pi)
        dx, dz = (metres * c for c in forward(robot.base_rot))
        for step in ((dx, dz), (dx, 0.0), (0.0, dz))[: 3 if self._sliding else 1]:
            x, z = float(robot.base_pos[0]) + step[0], float(robot.base_pos[2]) + step[1]
            half = (x - step[0] / 2, z - step[1] / 2)
            if self.house.is_free(x, z) and self.house.is_free(*half):
                robot.base_pos = np.array([x, 0.0, z], np.float32)
                return

    # The part of habitat_sim.PathFinder and of habitat-lab's simulators that is about walking.

    def is_navigable(self, point: Any) -> bool:
        """Whether the robot can be at ``(x, y, z)``."""
        return self.house.is_free(point[0], point[2])

    def safe_snap_point(self, point: Any) -> Vector:
        """The nearest point where the robot can be."""
        x, z = centre(nearest_free(self.house, float(point[0]), float(point[2])))
        return np.array([x, 0.0, z], np.float32)

    def random_point(self, near: Any = None, distance: float = math.inf) -> Vector | None:
        """A place where the robot can be, within so many metres of a point; ``None``: none."""
        x, z = (0.0, 0.0) if near is None else (float(near[0]), float(near[2]))
        cells = np.argwhere(self.house.free)
        gaps = np.hypot(*((cells + 0.5) * CELL - (x, z)).T)
        cells = cells[gaps <= distance]
        if not len(cells):
            return None
        i, j = cells[self.rng.integers(len(cells))]
        x, z = centre((int(i), int(j)))
        return np.array([x, 0.0, z], np.float32)

    def start_anywhere(self) -> None:
        """Place from the path finder's generator, heading from NumPy's global one."""
        place = self.random_point()
        assert place is not None
        self.robot = Robot(place, float(np.random.uniform(-math.pi, math.pi)))

    def get_straight_shortest_path_points(self, a: Any, b: Any) -> list[Vector]:
        """Corners of the shortest path, both ends included; [] if there is none."""
        corners = way(self.house, _cell(a), _cell(b))
        points = [np.array([x, 0.0, z], np.float32) for x, z in corners]
        if points:
            points[0] = np.asarray(a, np.float32)
        return points

    def get_bounds(self) -> tuple[Vector, Vector]:
        """Two opposite corners of the house."""
        nx, nz = self.house.height.shape
        return np.zeros(3, np.float32), np.array([nx * CELL, 2.5, nz * CELL], np.float32)

    def get_topdown_view(self, meters_per_pixel: float, height: float) -> NDArray[np.bool_]:
        """Where the robot can be, bool ``(z, x)``."""
        nx, nz = self.house.height.shape
        rows = (np.arange(0, nz * CELL, meters_per_pixel) / CELL).astype(int)
        columns = (np.arange(0, nx * CELL, meters_per_pixel) / CELL).astype(int)
        view: NDArray[np.bool_] = self.house.free[np.ix_(columns, rows)].T
        return view

    def close(self, destroy: bool = True) -> None:
        """Let another one be made."""
        leave(self)


def _cell(point: Any) -> Cell:
    return int(point[0] // CELL), int(point[2] // CELL)
