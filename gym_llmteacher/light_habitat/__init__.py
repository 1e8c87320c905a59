"""A light simulator for habitat-lab: a kinematic robot in generated houses, in pure Python.

Importing this package is the opt-in: it makes ``import habitat`` possible where habitat-sim is not
installed, and registers simulator, dataset, task, actions, sensors and measures in habitat-lab's
registry under names that begin with ``Light``. Above them everything is habitat-lab's own: config
system, ``Env``, ``RLTaskEnv``, ``HabGymWrapper``.

What the real rearrangement task does is kept where an agent or an adapter would notice: names and
shapes of observations and actions, the flat action Box, ``grip_action >= 0`` grasps, the 1-based
index of oracle navigation, ``[rho, -phi]``. There is no physics: the robot is a point on a grid.
"""

from __future__ import annotations

import importlib

from gym_llmteacher.light_habitat.standins import stand_in

STANDING_IN = stand_in()
"""Whether habitat-sim is absent."""

for _name in ("simulator", "dataset", "task", "actions", "sensors", "measures"):
    importlib.import_module(f"{__name__}.{_name}")
