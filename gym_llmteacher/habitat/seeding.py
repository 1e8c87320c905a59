"""A seed that decides which episode comes and how it begins."""

from __future__ import annotations

from typing import Any

import numpy as np

from gym_llmteacher.habitat.lab import import_lab


def order_episodes(habitat: Any, seed: int) -> None:
    """Put the episodes in an order of this seed's own, from its beginning.

    ``Env.seed`` leaves the order alone. The iterator shuffles its list in place, so it gets one of
    its own, always in the same order before; it takes seed 0 for no seed.
    """
    iterator = import_lab("habitat.core.dataset").EpisodeIterator
    settings = dict(habitat._config.environment.iterator_options)
    episodes = sorted(habitat.episodes, key=lambda e: (e.scene_id, e.episode_id))
    habitat.episode_iterator = iterator(episodes, **settings, seed=seed + 1)


def settle(habitat: Any, seed: int | None, generator: np.random.Generator) -> None:
    """Load the next episode's scene, and seed what draws its start only then.

    Loading a scene renews the path finder and its generator with it. Seeded before, as
    ``Env.seed`` and ``Env.reset`` do it, the same seed gave the same episode and starts metres
    apart. ``Env.reset`` finds the scene loaded and leaves it.

    :param seed: ``None``: only the simulator's own generator is set, by a draw; the global ones of
        ``random`` and ``numpy`` are left alone
    """
    if habitat._episode_from_iter_on_reset:
        habitat.current_episode = next(habitat.episode_iterator)
    habitat.reconfigure(habitat._config)
    if seed is None:
        habitat.sim.seed(int(generator.integers(2**31)))
    else:
        habitat.seed(seed)
