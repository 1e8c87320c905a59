"""What the teacher said of earlier observations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class AdviceMemory:
    """The last ``size`` observations of which the teacher spoke, and what it said.

    :param size: 1 or more

    >>> memory = AdviceMemory(2)
    >>> memory.add({"prior": np.array([0.1, 0.2, 0.3])})
    >>> len(memory), sorted(set(memory.sample(50)["prior"].tolist()))
    (2, [0.2, 0.3])
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._columns: dict[str, NDArray[Any]] = {}
        self._added = 0

    def __len__(self) -> int:
        return min(self._added, self.size)

    def add(self, rows: dict[str, NDArray[Any]]) -> None:
        """Remember rows: arrays ``(n, ...)``, the same ones each time. The oldest are forgotten."""
        n = len(next(iter(rows.values())))
        places = (self._added + np.arange(n))[-self.size :] % self.size
        for name, values in rows.items():
            if name not in self._columns:
                self._columns[name] = np.zeros((self.size, *values.shape[1:]), values.dtype)
            self._columns[name][places] = values[-self.size :]
        self._added += n

    def sample(self, n: int, rng: np.random.Generator | None = None) -> dict[str, NDArray[Any]]:
        """Draw ``n`` rows with replacement; there must be one at least.

        :param rng: ``None``: NumPy's global generator, as SB3's buffers do
        """
        if rng is None:
            drawn = np.random.randint(0, len(self), size=n)
        else:
            drawn = rng.integers(len(self), size=n)
        return {name: values[drawn] for name, values in self._columns.items()}
