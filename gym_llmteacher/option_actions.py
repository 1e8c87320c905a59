"""What options would do now, computed when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float32]

Actions = int | tuple[int, ...] | None
"""What an option does now: an action, one of several that are as good, or nothing."""


class LazyRows:
    """Rows of `Situation.option_actions`, each computed at its first use and then kept.

    Advice usually names one or two options of five, and what an option does now may take a search
    through the map: the others need not be searched for.

    :param n_actions: number of actions of the env
    :param rules: for each option, a function that returns its action now, several that are as good
        and get equal shares, or ``None`` where it is finished or does not apply

    >>> rows = LazyRows(3, [lambda: 2, lambda: (0, 1), lambda: None])
    >>> np.asarray(rows).tolist()
    [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, n_actions: int, rules: Sequence[Callable[[], Actions]]) -> None:
        self.shape = (len(rules), n_actions)
        self._rules: list[Callable[[], Actions] | None] = list(rules)
        self._rows: list[Row | None] = [None] * len(rules)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, i: int) -> Row:
        row = self._rows[i]
        if row is None:
            rule = self._rules[i]
            assert rule is not None
            row = self._rows[i] = _row(self.shape[1], rule())
            self._rules[i] = None  # it holds on to a whole map
        return row

    def __iter__(self) -> Iterator[Row]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        rows = np.zeros(self.shape, dtype=np.float32)
        for i, row in enumerate(self):
            rows[i] = row
        return rows if dtype is None else rows.astype(dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and other processes get plain numbers.
        return (np.array, (np.asarray(self),))


@lru_cache(maxsize=1024)
def _row(n_actions: int, actions: Actions) -> Row:
    """Row of some actions, or of none; shared, so not to be written to."""
    row = np.zeros(n_actions, dtype=np.float32)
    if actions is not None:
        chosen = list(actions) if isinstance(actions, tuple) else [actions]
        row[chosen] = 1.0 / len(chosen)
    row.flags.writeable = False
    return row
