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
    PDDL pick and magic grasp. Without a CUDA device it renders on the CPU, since habitat-sim ends
    the process where the GPU it is told to use does not exist. For the light simulator see
    `gym_llmteacher.light_habitat.config`.

    :param overrides: in hydra's notation, ``["habitat.environment.max_episode_steps=100"]``
    :return: ``omegaconf.DictConfig``
    :raises HabitatMissingError: habitat-lab or habitat-sim is not installed
    """
    files = [
        f"habitat.task.task_spec_base_path={HERE}/",
        f"habitat.task.pddl_domain_def={HERE / 'nav_pick_domain.yaml'}",
    ]
    lab = import_lab()
    return lab.get_config(str(HERE / "nav_pick.yaml"), [*files, *_rendering(), *overrides])


def _rendering() -> list[str]:
    """Where pictures are drawn, and by which thread.

    Drawing in a thread of its own failed as soon as a second env was opened after the first
    ("Renderer was not created with a background render thread"), with and without a GPU.
    """
    import torch

    single = ["habitat.simulator.concur_render=False"]
    if torch.cuda.is_available():
        return single
    return [*single, "habitat.simulator.habitat_sim_v0.gpu_device_id=-1"]
