"""The paper's four tasks (arXiv 2311.13373, sec. 4), registered on import as ``LLMTeacher/*``."""

from __future__ import annotations

import gymnasium as gym

TASKS = ("SimpleDoorKey", "LavaDoorKey", "ColoredDoorKey", "DivergedDoorKey")


def env_id(task: str) -> str:
    """Gymnasium id of a task.

    >>> env_id("SimpleDoorKey")
    'LLMTeacher/SimpleDoorKey-v0'
    """
    return f"LLMTeacher/{task}-v0"


for _task in TASKS:
    # Entry points are strings: nothing is imported before an env is made. The envs count their own
    # 150 steps, as MiniGrid's do.
    if env_id(_task) not in gym.registry:
        gym.register(env_id(_task), entry_point=f"gym_llmteacher.envs.door_key:{_task}Env")
