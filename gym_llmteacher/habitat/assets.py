"""Files that the real simulator needs, and which of them are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_REPLICA_CAD = Path("data/replica_cad")


def missing_assets(config: Any, root: Path | str = ".") -> list[str]:
    """What a config of the real task names and the disk does not have.

    The episodes, the scenes, the configs of the objects, and the robot.

    :param config: as `nav_pick_config` composes it
    :param root: folder that relative paths start from; habitat-lab takes the current one

    >>> from types import SimpleNamespace as Node
    >>> dataset = Node(data_path="data/{split}/all.json.gz", split="val")
    >>> simulator = Node(additional_object_paths=["data/ycb"], agents={})
    >>> missing_assets(Node(habitat=Node(dataset=dataset, simulator=simulator)), "nowhere")
    ['data/val/all.json.gz', 'data/ycb']
    """
    habitat = config.habitat
    dataset, simulator = habitat.dataset, habitat.simulator
    paths = [str(dataset.data_path).format(split=dataset.split)]
    if "replica_cad" in paths[0]:  # each episode names its scene data set; the config does not
        paths.append(str(_REPLICA_CAD))
    paths += [str(path) for path in simulator.additional_object_paths]
    paths += [str(agent.articulated_agent_urdf) for agent in simulator.agents.values()]
    return [path for path in paths if not (Path(root) / path).exists()]
