"""Scripts for Toy Text and control tasks that read nothing but the words."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from gym_llmteacher.advice import Plan
from gym_llmteacher.situation import Situation

_LAKE = ("go left", "go down", "go right", "go up")
_MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def frozen_lake_planner(situation: Situation) -> Plan:
    """Follow the best policy on the lake that the words describe, found by value iteration."""
    where, lake = situation.text.split(" The lake has ")
    row, column = (int(n) for n in _numbers(where)[:2])
    best = _best_on_ice(lake)
    return (_LAKE[int(best[row, column])],)


@lru_cache(maxsize=64)
def _best_on_ice(lake: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    rows, columns = (int(n) for n in _numbers(lake)[:2])
    holes, goals = (re.findall(r"(\d+),(\d+)", part) for part in lake.split("goal at"))
    ends = {(int(y), int(x)): 0.0 for y, x in holes} | {(int(y), int(x)): 1.0 for y, x in goals}
    slips = (-1, 0, 1) if "not slippery" not in lake else (0,)
    values = np.zeros((rows, columns))
    while True:
        # A step over the edge leaves one where one is.
        edged = np.pad(values, 1, mode="edge")
        moved = [edged[1 + y : rows + 1 + y, 1 + x : columns + 1 + x] for y, x in _MOVES]
        outcomes = 0.999 * np.array(
            [sum(moved[(action + slip) % 4] for slip in slips) / len(slips) for action in range(4)]
        )
        new = outcomes.max(axis=0)
        for cell, value in ends.items():
            new[cell] = value
        if np.abs(new - values).max() < 1e-9:
            return np.asarray(outcomes.argmax(axis=0))
        values = new


def taxi_planner(situation: Situation) -> Plan:
    """Fetch the passenger, then bring them where they want to go."""
    destination = re.findall(r"go to (\w+)", situation.text)[0]
    if "in the taxi" in situation.text:
        return (f"drive to {destination}", "drop off passenger")
    stand = re.findall(r"waits at (\w+)", situation.text)[0]
    return (f"drive to {stand}", "pick up passenger")


def cliff_walking_planner(situation: Situation) -> Plan:
    """Walk along the edge; on slippery ground, one row further away per row there is."""
    row, column, rows, columns = (int(n) for n in _numbers(situation.text)[:4])
    safe = 0 if "slippery" in situation.text else rows - 2
    if column == columns - 1:
        return ("go down",)
    if row > safe:
        return ("go up",)
    return ("go right",)


def blackjack_planner(situation: Situation) -> Plan:
    """Basic strategy for sticking and hitting."""
    hand = int(_numbers(situation.text)[0])
    shown = situation.text.split("dealer shows ")[1].rstrip(".")
    dealer = 1 if shown == "an ace" else int(shown)
    if "with a usable ace" in situation.text:
        enough = 18 if 2 <= dealer <= 8 else 19
    elif 2 <= dealer <= 6:
        enough = 12 if dealer >= 4 else 13
    else:
        enough = 17
    return ("stick",) if hand >= enough else ("hit",)


def cart_pole_planner(situation: Situation) -> Plan:
    """Push to the side the pole falls to; when it stands, away from where the cart should go."""
    angle, turning, x, speed = _numbers(situation.text)
    falling = angle + 0.2 * turning + 1.0 * x + 1.5 * speed
    return ("push right",) if falling > 0 else ("push left",)


def mountain_car_planner(situation: Situation) -> Plan:
    """Push the way it rolls."""
    return ("push left",) if "rolls left" in situation.text else ("push right",)


def lunar_lander_planner(situation: Situation) -> Plan:
    """Two proportional-derivative rules: one for the tilt, one for the height."""
    x, y, vx, vy, tilt, turning = _numbers(situation.text)[:6]
    angle = np.radians(tilt)
    wanted = min(max(0.5 * x + vx, -0.4), 0.4)
    turn = 0.5 * (wanted - angle) - turning
    hover = 0.5 * (0.55 * abs(x) - y) - 0.5 * vy
    if "no leg" not in situation.text:
        turn, hover = 0.0, -0.5 * vy
    if hover > abs(turn) and hover > 0.05:
        return ("fire main engine",)
    if turn < -0.05:
        return ("fire right engine",)
    if turn > 0.05:
        return ("fire left engine",)
    return ("wait",)
