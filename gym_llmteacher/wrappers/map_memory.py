"""The wrapper that lets a MiniGrid student see what it has seen."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.minigrid.missions.agent_memory import AgentMemory, says_done
from gym_llmteacher.groundings.minigrid.missions.instructions import Instruction

ROLES = {"go to": 1, "pick up": 2, "put": 2, "open": 3}
_BESIDE = 4


class MapMemory(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replace MiniGrid's partial view by the agent's own map of what it has seen.

    Observation: uint8 ``(2 * radius + 1, 2 * radius + 1, 5)``, north up, the agent in the middle.
    Channels: type, colour and state (MiniGrid's codes; 0 where nothing has been seen), role in the
    mission (1: go to it, 2: pick it up, 3: open it, 4: put something beside it, as far as the
    mission has been carried out; else 0), and heading (1 + heading in the agent's cell, else 0).
    What the agent carries is shown in its own cell. `EgoMapFeatures` reads such maps.

    Built from views, compass and actions, never from the simulator's grid. Goes inside
    `LLMTeacherWrapper`, whose grounding then uses the same memory.

    :param env: a MiniGrid or BabyAI env with its own Dict observation
    :param radius: cells shown in each direction from the agent
    :raises GroundingError: not such an env

    Example::

        >>> import gymnasium as gym, minigrid
        >>> env = MapMemory(gym.make("MiniGrid-MultiRoom-N4-S5-v1"))
        >>> obs, _ = env.reset(seed=0)
        >>> obs.shape, int((obs[..., 0] > 0).sum())
        ((21, 21, 5), 15)

    Change log: 0.1.0 - added.
    """

    def __init__(self, env: gym.Env[Any, Any], radius: int = 10) -> None:
        RecordConstructorArgs.__init__(self, radius=radius)
        gym.Wrapper.__init__(self, env)
        if not isinstance(radius, int) or radius < 1:
            raise GroundingError(f"radius is {radius!r}, expected a positive number of cells.")
        if not isinstance(env.observation_space, gym.spaces.Dict):
            raise GroundingError(
                f"the observation space is {env.observation_space}, expected MiniGrid's own Dict "
                "with 'image', 'direction' and 'mission'. Put MapMemory inside other observation "
                "wrappers."
            )
        self.radius = radius
        world: Any = env.unwrapped
        self.agent_memory = AgentMemory(world.width, world.height, says_done(env))
        side = 2 * radius + 1
        # Plain arrays, in order: others, once saved, are not read by an older numpy.
        high = np.tile(np.array([10, 5, 2, 4, 4], dtype=np.uint8), (side, side, 1))
        self.observation_space = gym.spaces.Box(
            np.zeros((side, side, 5), np.uint8), high, dtype=np.uint8
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Reset the env and forget the last episode."""
        obs, info = self.env.reset(seed=seed, options=options)
        self.agent_memory.start(obs)
        return self._map(), info

    def step(self, action: Any) -> tuple[NDArray[np.uint8], Any, bool, bool, dict[str, Any]]:
        """Step, and remember what is seen."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        self.agent_memory.step(int(action), obs)
        return self._map(), reward, terminated, truncated, info

    def _map(self) -> NDArray[np.uint8]:
        view, r = self.agent_memory.known_view, self.radius
        side = 2 * r + 1
        shown = np.zeros((side, side, 5), dtype=np.uint8)
        left, top = view.x - r, view.y - r
        columns, rows = view.cells.shape[:2]
        x0, x1 = max(0, left), min(columns, left + side)
        y0, y1 = max(0, top), min(rows, top + side)
        part = view.cells[x0:x1, y0:y1]
        window = shown[x0 - left : x1 - left, y0 - top : y1 - top]
        window[..., :3] = part
        if view.held is not None:
            shown[r, r, :3] = (*view.held, 0)
        shown[r, r, 4] = view.heading + 1
        self._mark(window, part, (x0, y0))
        return shown

    def _mark(
        self, window: NDArray[np.uint8], part: NDArray[np.uint8], corner: tuple[int, int]
    ) -> None:
        """Write the roles that things have in the instructions at hand."""
        memory = self.agent_memory
        now: tuple[Instruction, ...] = memory.groups[0] if memory.groups else ()
        if not now:
            return
        for x, y in np.argwhere((part[..., 0] >= 4) & (part[..., 0] != 9)).tolist():
            cell = (x + corner[0], y + corner[1])
            look = memory.look(cell)
            for one in now:
                if memory.fits(one.thing, look, cell):
                    window[x, y, 3] = ROLES[one.verb]
                elif one.beside is not None and memory.fits(one.beside, look, cell):
                    window[x, y, 3] = _BESIDE
