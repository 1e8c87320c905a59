"""Running totals of several teachers, or of one in several places, together."""

from __future__ import annotations

from collections.abc import Mapping


def added(*reports: Mapping[str, float]) -> dict[str, float]:
    """Sum reports, name by name.

    >>> added({"calls": 1.0}, {"calls": 2.0, "hits": 3.0})
    {'calls': 3.0, 'hits': 3.0}
    """
    sums: dict[str, float] = {}
    for report in reports:
        for name, value in report.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums
