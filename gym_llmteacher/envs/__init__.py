"""The paper's four tasks (arXiv 2311.13373, sec. 4) and more, registered as ``LLMTeacher/*``."""

from __future__ import annotations

import gymnasium as gym

TASKS = ("SimpleDoorKey", "LavaDoorKey", "ColoredDoorKey", "DivergedDoorKey")
"""The paper's."""
MORE_TASKS = {
    "KeyInBox": "box_key",
    "RandomBoxKey": "box_key",
    "MovingObstacle": "moving_obstacle",
}
"""More of the kind, and the module of each."""


def env_id(task: str) -> str:
    """Gymnasium id of a task.

    >>> env_id("SimpleDoorKey")
    'LLMTeacher/SimpleDoorKey-v0'
    """
    return f"LLMTeacher/{task}-v0"


for _task, _module in (dict.fromkeys(TASKS, "door_key") | MORE_TASKS).items():
    # Entry points are strings: nothing is imported before an env is made. The envs count their own
    # 150 steps, as MiniGrid's do.
    if env_id(_task) not in gym.registry:
        gym.register(env_id(_task), entry_point=f"gym_llmteacher.envs.{_module}:{_task}Env")
