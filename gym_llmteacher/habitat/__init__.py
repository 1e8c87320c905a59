"""Habitat: a robot in a house, on habitat-lab's own envs, tasks and configs.

`HabitatEnv` is the Gymnasium env, `nav_pick_config` the task *Nav & Pick*, and
`gym_llmteacher.groundings.habitat.HabitatGrounding` puts it in words. Importing this package
imports no habitat; making an env does. Without habitat-sim: `gym_llmteacher.light_habitat`.
"""

from __future__ import annotations

from gym_llmteacher.habitat.configs import nav_pick_config
from gym_llmteacher.habitat.env import HabitatEnv

__all__ = ["HabitatEnv", "nav_pick_config"]
