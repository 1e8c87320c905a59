"""Generated episodes: where the robot starts, what lies where, and what it is to pick."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import attr
import numpy as np
from habitat.config.default_structured_configs import DatasetConfig
from habitat.core.dataset import Dataset, Episode
from habitat.core.registry import registry

from gym_llmteacher.light_habitat.house import CELL, TABLE_HEIGHT, Cell, House, centre, make_house
from gym_llmteacher.light_habitat.paths import distances

OBJECTS = {
    "apple": "013_apple", "banana": "011_banana", "bowl": "024_bowl",
    "mug": "025_mug", "orange": "017_orange", "sponge": "026_sponge",
}  # fmt: skip
"""Objects by name, with their handles as in the YCB set."""
OBJECTS_PER_EPISODE = 4
_APART = 0.9  # metres between objects, so that the nearest one is never in doubt
_FAR = 3.0  # metres the robot has to go at least


@attr.s(auto_attribs=True, kw_only=True)
class LightEpisode(Episode):
    """An episode.

    :param rigid_objs: pairs of handle and position ``(x, y, z)``, metres; the first is to be picked
    :param house: seed of the house
    """

    rigid_objs: list[tuple[str, tuple[float, float, float]]] = attr.ib(factory=list)
    house: int = 0


def make_episode(number: int, house_seed: int, seed: int) -> LightEpisode:
    """Generate an episode in a house; the same numbers give the same one."""
    rng = np.random.default_rng([number, seed, 7])
    house = make_house(house_seed)
    places = [c for cells in house.furniture.values() for c in cells if house.beside(c)]
    while True:
        chosen = [places[i] for i in rng.permutation(len(places))[:OBJECTS_PER_EPISODE]]
        start, yaw = _free_cell(house, rng), float(rng.uniform(-math.pi, math.pi))
        gaps = [math.dist(a, b) for k, a in enumerate(chosen) for b in chosen[:k]]
        if min(gaps) * CELL < _APART:
            continue
        if min(distances(house, c)[start] for c in house.beside(chosen[0])) >= _FAR:
            break
    names = rng.permutation(list(OBJECTS))[:OBJECTS_PER_EPISODE]
    objects = []
    for name, cell in zip(names, chosen, strict=True):
        x, z = centre(cell)
        objects.append((f"{OBJECTS[name]}_:0000", (x, TABLE_HEIGHT + 0.05, z)))
    x, z = centre(start)
    made: LightEpisode = LightEpisode(  # type: ignore[call-arg]  # its base is not seen by mypy
        episode_id=str(number),
        scene_id=f"house-{house_seed}",
        start_position=[x, 0.0, z],
        start_rotation=[0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2)],
        rigid_objs=objects,
        house=house_seed,
    )
    return made


def _free_cell(house: House, rng: np.random.Generator) -> Cell:
    i, j = rng.choice(np.argwhere(house.free))
    return int(i), int(j)


@lru_cache(maxsize=8)
def _episodes(episodes: int, houses: int, seed: int, first: int) -> tuple[LightEpisode, ...]:
    numbers = range(first, first + episodes)
    return tuple(make_episode(n, 1000 * seed + n % houses, seed) for n in numbers)


@dataclass
class LightDatasetConfig(DatasetConfig):
    """Which episodes: ``first``, ``first + 1``, ..., in houses chosen by ``seed``."""

    type: str = "LightNavPickDataset-v0"
    episodes: int = 100
    houses: int = 10
    seed: int = 0
    first: int = 0


@registry.register_dataset(name="LightNavPickDataset-v0")
class LightNavPickDataset(Dataset):
    """Generated episodes, as a `LightDatasetConfig` says."""

    def __init__(self, config: Any = None) -> None:
        super().__init__()
        config = config or LightDatasetConfig()
        self.episodes = list(_episodes(config.episodes, config.houses, config.seed, config.first))
