"""Gymnasium's Toy Text envs in words."""

from __future__ import annotations

from collections import deque
from typing import Any

import gymnasium as gym

from gym_llmteacher.advice import Plan
from gym_llmteacher.groundings.actions import ActionGrounding
from gym_llmteacher.groundings.policies import Option, OptionGrounding


def paid(reward: float, terminated: bool) -> bool:
    """Success is what ends with a reward."""
    return terminated and reward > 0


def arrived(reward: float, terminated: bool) -> bool:
    """Success is the only end there is."""
    return terminated


_MOVES = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}
_GROUND = {b"S": "ice", b"F": "ice", b"H": "a hole", b"G": "the goal"}


def frozen_lake() -> ActionGrounding:
    """FrozenLake: where the elf stands, what is around it, and where holes and goal are.

    >>> env = gym.make("FrozenLake-v1")
    >>> obs, _ = env.reset(seed=0)
    >>> print(frozen_lake().describe(env, obs).text.split(" The lake")[0])
    The elf stands in row 0, column 0. Left: the edge. Down: ice. Right: ice. Up: the edge.
    """
    return ActionGrounding(
        _lake,
        [f"go {move}" for move in _MOVES],
        task="reach the goal and fall into no hole",
        solved=paid,
    )


def _lake(obs: Any, env: gym.Env[Any, Any]) -> str:
    lake: Any = env.unwrapped
    rows, columns = lake.desc.shape
    row, column = divmod(int(lake.s), columns)
    around = []
    for move, (dy, dx) in _MOVES.items():
        y, x = row + dy, column + dx
        inside = 0 <= y < rows and 0 <= x < columns
        around.append(f"{move.capitalize()}: {_GROUND[lake.desc[y, x]] if inside else 'the edge'}.")
    cells = {kind: [] for kind in (b"H", b"G")}  # type: dict[bytes, list[str]]
    for y in range(rows):
        for x in range(columns):
            if lake.desc[y, x] in cells:
                cells[lake.desc[y, x]].append(f"{y},{x}")
    slippery = len(lake.P[0][0]) > 1
    return (
        f"The elf stands in row {row}, column {column}. {' '.join(around)} "
        f"The lake has {rows} rows and {columns} columns; holes at {' '.join(cells[b'H'])}, "
        f"goal at {' '.join(cells[b'G'])} (row,column). "
        f"The ice is {'slippery: one may slip sideways' if slippery else 'not slippery'}."
    )


_STANDS = ("Red", "Green", "Yellow", "Blue")
_TAXI_MOVES = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Taxi's first four actions as (row, column): south, north, east, west."""


def taxi() -> OptionGrounding:
    """Taxi: who waits where, with the four stands as places to drive to.

    >>> env = gym.make(max(name for name in gym.registry if name.startswith("Taxi-v")))
    >>> obs, _ = env.reset(seed=0)
    >>> taxi().describe(env, obs).text
    'The passenger waits at Blue and wants to go to Yellow. The taxi is on the road, empty.'
    """
    options = {f"drive to {stand}": Option(_driving(i)) for i, stand in enumerate(_STANDS)}
    return OptionGrounding(
        _taxi,
        {**options, "pick up passenger": Option(_pick_up), "drop off passenger": Option(_drop_off)},
        task="get the passenger, then reach the destination",
        subgoals=_taxi_subgoals,
        solved=paid,
    )


def _taxi_state(env: gym.Env[Any, Any]) -> tuple[int, int, int, int]:
    cab: Any = env.unwrapped
    row, column, passenger, destination = (int(value) for value in cab.decode(cab.s))
    return row, column, passenger, destination


def _taxi(obs: Any, env: gym.Env[Any, Any]) -> str:
    row, column, passenger, destination = _taxi_state(env)
    locs: Any = env.unwrapped.locs  # type: ignore[attr-defined]
    where = next((f"at {s}" for s, at in zip(_STANDS, locs, strict=True) if at == (row, column)),
                 "on the road")  # fmt: skip
    goal = _STANDS[destination]
    if passenger == len(_STANDS):
        return f"The passenger is in the taxi and wants to go to {goal}. The taxi is {where}."
    return (
        f"The passenger waits at {_STANDS[passenger]} and wants to go to {goal}. "
        f"The taxi is {where}, empty."
    )


def _taxi_subgoals(obs: Any, env: gym.Env[Any, Any]) -> tuple[str, dict[str, Plan]]:
    _, _, passenger, destination = _taxi_state(env)
    holds = "the passenger" if passenger == len(_STANDS) else "nothing"
    to_stand = () if passenger == len(_STANDS) else (f"drive to {_STANDS[passenger]}",)
    return f"The taxi holds {holds}.", {
        "passenger": (*to_stand, "pick up passenger"),
        "destination": (f"drive to {_STANDS[destination]}", "drop off passenger"),
    }


def _driving(stand: int) -> Any:
    def act(obs: Any, env: gym.Env[Any, Any]) -> int | None:
        cab: Any = env.unwrapped
        row, column, _, _ = _taxi_state(env)
        return _first_step(cab, (row, column), cab.locs[stand])

    return act


def _first_step(cab: Any, start: tuple[int, int], goal: tuple[int, int]) -> int | None:
    """First action of a shortest way around the walls; ``None`` when there."""
    if start == goal:
        return None
    came = {goal}
    todo = deque([goal])
    # From the goal backwards, so that the first cell next to the start gives the action.
    while todo:
        cell = todo.popleft()
        for action, (dy, dx) in enumerate(_TAXI_MOVES):
            before = (cell[0] - dy, cell[1] - dx)
            mask = _open_ways(cab, before)
            if before in came or not mask or not mask[action]:
                continue
            if before == start:
                return action
            came.add(before)
            todo.append(before)
    return None


def _open_ways(cab: Any, cell: tuple[int, int]) -> list[bool] | None:
    """Which of the four moves lead somewhere; ``None`` outside the town."""
    row, column = cell
    if not (0 <= row <= cab.max_row and 0 <= column <= cab.max_col):
        return None
    return [
        row < cab.max_row,
        row > 0,
        bool(cab.desc[row + 1, 2 * column + 2] == b":"),
        bool(cab.desc[row + 1, 2 * column] == b":"),
    ]


def _pick_up(obs: Any, env: gym.Env[Any, Any]) -> int | None:
    row, column, passenger, _ = _taxi_state(env)
    waits = passenger < len(_STANDS)
    here = waits and env.unwrapped.locs[passenger] == (row, column)  # type: ignore[attr-defined]
    return 4 if here else None


def _drop_off(obs: Any, env: gym.Env[Any, Any]) -> int | None:
    row, column, passenger, _ = _taxi_state(env)
    at_stand = (row, column) in env.unwrapped.locs  # type: ignore[attr-defined]
    return 5 if passenger == len(_STANDS) and at_stand else None


def cliff_walking() -> ActionGrounding:
    """CliffWalking: where one stands, and where the cliff is.

    >>> env = gym.make("CliffWalking-v1")
    >>> obs, _ = env.reset(seed=0)
    >>> print(cliff_walking().describe(env, obs).text)
    The walker is in row 3, column 0 of 4 rows and 12 columns. The goal is in row 3, column 11. \
The cliff is in row 3, from column 1 to column 10.
    """
    return ActionGrounding(
        _cliff,
        ["go up", "go right", "go down", "go left"],
        task="walk to the goal without stepping off the cliff",
        solved=arrived,
    )


def _cliff(obs: Any, env: gym.Env[Any, Any]) -> str:
    world: Any = env.unwrapped
    rows, columns = world.shape
    row, column = divmod(int(world.s), columns)
    slips = " The ground is slippery: one may slip sideways." if len(world.P[0][0]) > 1 else ""
    return (
        f"The walker is in row {row}, column {column} of {rows} rows and {columns} columns. "
        f"The goal is in row {rows - 1}, column {columns - 1}. The cliff is in row {rows - 1}, "
        f"from column 1 to column {columns - 2}.{slips}"
    )


def blackjack() -> ActionGrounding:
    """Blackjack: the hand, as a player would say it.

    >>> env = gym.make("Blackjack-v1")
    >>> obs, _ = env.reset(seed=0)
    >>> blackjack().describe(env, obs).text
    'Your hand counts 11, without a usable ace. The dealer shows 10.'
    """
    return ActionGrounding(
        _hand, ["stick", "hit"], task="come closer to 21 than the dealer", solved=paid
    )


def _hand(obs: Any, env: gym.Env[Any, Any]) -> str:
    table: Any = env.unwrapped
    total = int(sum(table.player))
    usable = 1 in table.player and total + 10 <= 21
    ace = "with" if usable else "without"
    card = {1: "an ace"}.get(int(table.dealer[0]), str(int(table.dealer[0])))
    return f"Your hand counts {total + 10 * usable}, {ace} a usable ace. The dealer shows {card}."
