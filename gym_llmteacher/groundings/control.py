"""Gymnasium's classic control tasks and LunarLander: named quantities, rounded.

Rounding makes states that ask for the same action read the same, so that answers are shared.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from gym_llmteacher.groundings.actions import ActionGrounding
from gym_llmteacher.groundings.toy_text import arrived


def rounded(value: float, step: float, most: float) -> float:
    """Round to multiples of ``step``, at most ``most`` in size.

    >>> rounded(0.27, 0.1, 1.0), rounded(-7.0, 0.5, 2.0), rounded(-0.01, 0.1, 1.0)
    (0.3, -2.0, 0.0)
    """
    clipped = min(max(float(value), -most), most)
    return round(round(clipped / step) * step, 6) + 0.0


def _held(reward: float, terminated: bool) -> bool:
    """The pole stands until time is up."""
    return not terminated


def cart_pole() -> ActionGrounding:
    """CartPole: the pole in degrees, the cart in metres, both with their speeds.

    >>> env = gym.make("CartPole-v1")
    >>> obs, _ = env.reset(seed=0)
    >>> cart_pole().describe(env, obs).text
    'Pole: -3 degrees, 0 degrees per second. Cart: 0.0 m from the centre, 0.0 m per second.'
    """
    return ActionGrounding(
        _cart_pole,
        ["push left", "push right"],
        task="keep the pole upright and the cart near the centre (left and falling left are "
        "negative)",
        solved=_held,
    )


def _cart_pole(obs: Any, env: gym.Env[Any, Any]) -> str:
    world: Any = env.unwrapped
    x, speed, angle, turning = world.state
    return (
        f"Pole: {rounded(np.degrees(angle), 1, 12):.0f} degrees, "
        f"{rounded(np.degrees(turning), 10, 100):.0f} degrees per second. "
        f"Cart: {rounded(x, 0.5, 2):.1f} m from the centre, "
        f"{rounded(speed, 0.5, 2):.1f} m per second."
    )


def mountain_car() -> ActionGrounding:
    """MountainCar: where in the valley, and how fast.

    >>> env = gym.make("MountainCar-v0")
    >>> obs, _ = env.reset(seed=0)
    >>> mountain_car().describe(env, obs).text
    'The car is 0.0 right of the bottom of the valley. It stands still. The flag is 1.0 right.'
    """
    return ActionGrounding(
        _mountain_car,
        ["push left", "let it roll", "push right"],
        task="reach the flag on the right; the engine is too weak to drive straight up, so swing",
        solved=arrived,
    )


def _mountain_car(obs: Any, env: gym.Env[Any, Any]) -> str:
    world: Any = env.unwrapped
    position, velocity = (float(value) for value in world.state)
    place = rounded(position + 0.5, 0.1, 1.2)
    speed = rounded(1000 * velocity, 2, 70)
    moving = (
        f"It rolls {'right' if speed > 0 else 'left'} at speed {abs(speed):.0f}."
        if speed
        else "It stands still."
    )
    side = "left" if place < 0 else "right"
    return (
        f"The car is {abs(place):.1f} {side} of the bottom of the valley. {moving} "
        "The flag is 1.0 right."
    )


def lunar_lander() -> ActionGrounding:
    """LunarLander: place, speed and tilt relative to the pad (needs ``gymnasium[box2d]``)."""
    return ActionGrounding(
        _lunar_lander,
        ["wait", "fire left engine", "fire main engine", "fire right engine"],
        task="land softly and upright on the pad at x 0, height 0",
    )


def _lunar_lander(obs: Any, env: gym.Env[Any, Any]) -> str:
    x, y, vx, vy, tilt, turning, left, right = (float(value) for value in obs)
    legs = {0: "no leg", 1: "one leg", 2: "both legs"}[int(left > 0.5) + int(right > 0.5)]
    return (
        f"x {rounded(x, 0.05, 1):.2f}, height {rounded(y, 0.05, 1.5):.2f}, "
        f"speed {rounded(vx, 0.1, 1):.1f} right and {rounded(vy, 0.1, 1.5):.1f} up, "
        f"tilt {rounded(np.degrees(tilt), 5, 60):.0f} degrees, "
        f"turning {rounded(turning, 0.1, 1):.1f}; {legs} on the ground."
    )
