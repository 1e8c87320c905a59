"""The task *Nav & Pick*, as a config of habitat-lab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gym_llmteacher.habitat.lab import import_lab

HERE = Path(__file__).parent


def nav_pick_config(overrides: Sequence[str] = ()) -> Any:
    """Compose ``nav_pick.yaml`` with habitat-lab: find an object, go there, pick it.

    A ``RearrangePddlTask-v0`` whose goal is ``holding(goal0|0, robot_0)``, with oracle navigation,
    PDDL pick and magic grasp. For the light simulator see `gym_llmteacher.light_habitat.config`.

    :param overrides: in hydra's notation, ``["habitat.environment.max_episode_steps=100"]``
    :return: ``omegaconf.DictConfig``
    :raises HabitatMissingError: habitat-lab or habitat-sim is not installed
    """
    files = [
        f"habitat.task.task_spec_base_path={HERE}/",
        f"habitat.task.pddl_domain_def={HERE / 'nav_pick_domain.yaml'}",
    ]
    return import_lab().get_config(str(HERE / "nav_pick.yaml"), [*files, *overrides])
