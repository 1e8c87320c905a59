"""Manners of the real simulator that the light one has when they are switched on."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

_open: weakref.ref[Any] | None = None


@dataclass(frozen=True)
class Manners:
    """What was seen on the real simulator and surprised us, each as a switch.

    Two more are lines of the config that the light simulator reads as the real one does:
    ``habitat_sim_v0.allow_sliding=False`` freezes the robot at corners, and with
    ``must_call_stop=False`` nothing reads the stop action.

    :param random_start: the robot starts anywhere, by the path finder's generator, which a newly
        loaded scene renews without a seed: seeding before ``reset`` does not decide the start
    :param random_arrival: oracle navigation goes to a random place within
        ``spawn_max_dist_to_obj`` of the thing, and stops ``dist_thresh`` short of it: at 2.0 m a
        pick may be out of reach
    :param remember_targets: oracle navigation keeps for an episode where a thing was and where to
        stand before it, though it has been dropped elsewhere since
    :param strict_slots: a fraction in a slot of an abstract action is an error
    :param one_env: a second simulator in the same process is an error

    >>> Manners.all().one_env, Manners().one_env
    (True, False)
    """

    random_start: bool = False
    random_arrival: bool = False
    remember_targets: bool = False
    strict_slots: bool = False
    one_env: bool = False

    @classmethod
    def all(cls, one_env: bool = True) -> Manners:
        """All of them; without the last, several envs can train in one process."""
        return cls(True, True, True, True, one_env)


def enter(simulator: Any, alone: bool) -> None:
    """Take note of a simulator that bears no other beside it.

    :raises RuntimeError: there is one already; the real simulator aborts the interpreter
    """
    global _open
    if alone:
        if _open is not None and _open() is not None:
            raise RuntimeError("Renderer was not created with a background render thread")
        _open = weakref.ref(simulator)


def leave(simulator: Any) -> None:
    """Take note that a simulator is closed."""
    global _open
    if _open is not None and _open() is simulator:
        _open = None
