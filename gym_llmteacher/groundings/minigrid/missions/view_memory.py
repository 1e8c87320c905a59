"""What an agent remembers of its partial views: a map in its own coordinates.

Built from the views, the compass and the actions taken, never from the simulator's grid. The agent
starts at the centre; where that is in the world it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX
from numpy.typing import NDArray

from gym_llmteacher.envs.visibility import DIRECTIONS
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.minigrid.navigation import FORWARD

Cells = NDArray[np.uint8]
EMPTY = OBJECT_TO_IDX["empty"]
_DOOR, _OPEN = OBJECT_TO_IDX["door"], 0
_WALKABLE = frozenset(OBJECT_TO_IDX[name] for name in ("empty", "floor", "goal", "lava"))


def read_view(obs: Any) -> tuple[Cells, int]:
    """Take view and heading out of MiniGrid's observation.

    :raises GroundingError: it is not MiniGrid's own Dict observation
    """
    if isinstance(obs, Mapping) and "direction" in obs:
        image = np.asarray(obs.get("image"))
        if image.ndim == 3 and image.shape[0] == image.shape[1] and image.shape[2] == 3:
            return image, int(obs["direction"])
    raise GroundingError(
        f"the observation is a {type(obs).__name__}, expected MiniGrid's own dict with an encoded "
        "'image' and a 'direction'. Put ImgObsWrapper, FlatObsWrapper and the like outside: "
        "ImgObsWrapper(LLMTeacherWrapper(env, ...))."
    )


class ViewMemory:
    """A map of everything seen in this episode.

    Whether a step ahead succeeded follows from what the agent saw ahead of it: that cell is always
    in view. Holds where actions do what they say and nothing moves but the agent (not for sticky or
    random actions, nor for ``Dynamic-Obstacles``).

    :param width: width of the world, walls included: it limits how far one can walk
    :param height: height of the world
    :param view: cells per side of the view

    ``cells``: uint8 ``(columns, rows, 3)``, MiniGrid's type, colour and state, indexed ``[x, y]``;
    type 0 where nothing has been seen. The rim, one view wide, is never walked on.
    ``x``, ``y``, ``heading``: the agent's pose on it; ``held``: what it carries, as
    ``(type, colour)``, or ``None``.

    >>> memory = ViewMemory(5, 5, view=3)
    >>> view = np.full((3, 3, 3), (EMPTY, 0, 0), dtype=np.uint8)
    >>> memory.start(view, heading=0)
    >>> memory.step(FORWARD, view, heading=0)
    >>> memory.x - memory.start_cell[0], int((memory.cells[..., 0] == EMPTY).sum())
    (1, 12)
    """

    def __init__(self, width: int, height: int, view: int = 7) -> None:
        self.view = view
        self.start_cell = (width - 1 + view, height - 1 + view)
        self.cells: Cells = np.zeros(
            (2 * width - 1 + 2 * view, 2 * height - 1 + 2 * view, 3), dtype=np.uint8
        )
        rows = self.cells.shape[1]
        across, depth = np.meshgrid(np.arange(view), np.arange(view), indexing="ij")
        ahead, side = view - 1 - depth, across - view // 2
        # In MiniGrid's image the agent looks towards row 0.
        self._offsets = [
            ((ahead * fx - side * fy) * rows + ahead * fy + side * fx).ravel()
            for fx, fy in DIRECTIONS
        ]
        self._own = (view // 2) * view + view - 1
        self.heading = 0
        self._forget()

    def _forget(self) -> None:
        self.cells[:] = 0
        self.x, self.y = self.start_cell
        self.cells[self.x, self.y] = (EMPTY, 0, 0)
        self.held: tuple[int, int] | None = None

    def start(self, image: Cells, heading: int) -> None:
        """Forget the last episode and look around for the first time."""
        self._forget()
        self._look(image, heading)
        self.start_heading = heading

    def step(self, action: int, image: Cells, heading: int) -> None:
        """Take in what an action led to."""
        if action == FORWARD and self._free_ahead():
            self.x, self.y = self.front
        self._look(image, heading)

    @property
    def front(self) -> tuple[int, int]:
        """The cell ahead."""
        dx, dy = DIRECTIONS[self.heading]
        return self.x + dx, self.y + dy

    @property
    def cell(self) -> int:
        """Number of the agent's cell, ``x * rows + y``."""
        return int(self.x * self.cells.shape[1] + self.y)

    def _free_ahead(self) -> bool:
        kind, _, state = self.cells[self.front].tolist()
        return kind in _WALKABLE or (kind == _DOOR and state == _OPEN)

    def _look(self, image: Cells, heading: int) -> None:
        self.heading = heading
        seen = image.reshape(-1, 3)
        lit = seen[:, 0] != 0
        # MiniGrid draws what is carried where the agent stands; what lies there is remembered.
        lit[self._own] = False
        kind, color, _ = seen[self._own].tolist()
        self.held = (kind, color) if kind != EMPTY else None
        where = self._offsets[heading][lit] + self.cell
        self.cells.reshape(-1, 3)[where] = seen[lit]
