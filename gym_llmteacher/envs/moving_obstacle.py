"""A door-key task in which something rolls about and gets in the way."""

from __future__ import annotations

from typing import Any

from minigrid.core.constants import OBJECT_TO_IDX
from minigrid.core.world_object import Ball, Key

from gym_llmteacher.envs.door_key import _RoomEnv
from gym_llmteacher.envs.memory import EMPTY, Map
from gym_llmteacher.envs.visibility import DIRECTIONS

_BALL = OBJECT_TO_IDX["ball"]


class MovingObstacleEnv(_RoomEnv):
    """One key, one locked door, and a ball that rolls to a free cell beside it at every step.

    It blocks the way and does no harm. It can be picked up, which is of no use. Where it was seen
    last says nothing of where it is: it is on the agent's map only while it is in sight.

    >>> import gymnasium as gym, gym_llmteacher
    >>> env = gym.make("LLMTeacher/MovingObstacle-v0").unwrapped
    >>> _ = env.reset(seed=0)
    >>> before = env.ball_pos
    >>> _ = env.step(6)
    >>> sum(abs(a - b) for a, b in zip(before, env.ball_pos))
    1
    """

    def _furnish(self) -> None:
        self.grid.set(*self._free(), Key(self.door_color))
        self.ball_pos = self._free()
        self.grid.set(*self.ball_pos, Ball(self.door_color))

    def step(self, action: int) -> tuple[Map, float, bool, bool, dict[str, Any]]:
        """Act; then the ball rolls, unless it is carried; then look."""
        self._acting = True
        obs, reward, terminated, truncated, info = super().step(action)
        return obs, reward, terminated, truncated, info

    def _look(self) -> None:
        if getattr(self, "_acting", False):
            self._acting = False
            self._roll()
        # What may have moved is forgotten where it is not seen now.
        self._flat_memory[self._flat_memory[:, 0] == _BALL, :2] = (EMPTY, 0)
        super()._look()

    def _roll(self) -> None:
        x, y = self.ball_pos
        ball = self.grid.get(x, y)
        if ball is None or ball.type != "ball":
            self.ball_pos = self._find_ball()
            return
        free = [
            (x + dx, y + dy)
            for dx, dy in DIRECTIONS
            if self.grid.get(x + dx, y + dy) is None and (x + dx, y + dy) != tuple(self.agent_pos)
        ]
        if free:
            self.ball_pos = free[int(self.np_random.integers(len(free)))]
            self.grid.set(x, y, None)
            self.grid.set(*self.ball_pos, ball)
            self._set_cell(x, y, None)
            self._set_cell(*self.ball_pos, ball)

    def _find_ball(self) -> tuple[int, int]:
        """Where it was put down; nowhere while it is carried."""
        for i, cell in enumerate(self.grid.grid):
            if cell is not None and cell.type == "ball":
                return i % self.width, i // self.width
        return self.ball_pos
