"""Results of one JSON line each, by two of their columns; and a share of many episodes in words."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from gym_llmteacher.intervals import wilson

Groups = dict[tuple[str, str], list[dict[str, Any]]]


def read_groups(path: Path, first: str, second: str) -> Groups:
    """Lines by the values of two columns, in order of the file."""
    groups: Groups = defaultdict(list)
    for line in path.read_text().splitlines():
        row = json.loads(line)
        groups[row[first], row[second]].append(row)
    return groups


def share(shares: list[float], episodes: int) -> str:
    """Mean of shares of so many episodes each, and Wilson's 95 % interval of all of them."""
    low, high = wilson(round(sum(shares) * episodes), episodes * len(shares))
    return f"{100 * np.mean(shares):.0f} ({100 * low:.0f} to {100 * high:.0f})"
