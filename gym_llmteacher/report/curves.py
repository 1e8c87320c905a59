"""Learning curves as an SVG picture, without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = Sequence[tuple[int, float]]
COLOURS = {"teacher": "#2563eb", "ppo": "#6b7280", "alone": "#d97706"}
"""Of a student, of plain PPO, of the teacher alone; the same in every picture."""

_WIDTH, _HEIGHT, _LEFT, _BELOW, _TOP = 760, 300, 52, 40, 12


def svg(
    curves: Mapping[str, Sequence[Curve]], names: Mapping[str, str], alone: float | None = None
) -> str:
    """Success against frames: the mean of the seeds, and the range between the worst and the best.

    :param curves: by kind of student, one for each seed: ``(frames, success)``
    :param names: of the kinds, for the legend
    :param alone: success of the teacher by itself

    >>> svg({"ppo": [[(100, 0.0), (200, 0.5)]]}, {"ppo": "plain PPO"}).startswith("<svg")
    True
    """
    last = max((c[-1][0] for each in curves.values() for c in each if c), default=1)
    grid = np.linspace(0, last, 160)
    parts = [_axes(last)]
    legend = []
    if alone is not None:
        y = _y(alone)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH}" stroke="{COLOURS["alone"]}" '
                     'stroke-dasharray="6 4" fill="none"/>')  # fmt: skip
        legend.append(("alone", f"teacher alone ({alone:.0%})"))
    for kind, each in curves.items():
        rows = [np.interp(grid, [f for f, _ in c], [s for _, s in c], left=0.0) for c in each if c]
        if not rows:
            continue
        low, mean, high = np.min(rows, axis=0), np.mean(rows, axis=0), np.max(rows, axis=0)
        colour = COLOURS[kind]
        if len(rows) > 1:
            there, back = _points(grid, high, last), _points(grid, low, last)[::-1]
            parts.append(f'<polygon points="{" ".join(there + back)}" fill="{colour}" '
                         'opacity=".18"/>')  # fmt: skip
        line = " ".join(_points(grid, mean, last))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        )
        range_ = ", mean and range of the seeds" if len(rows) > 1 else ""
        legend.append((kind, f"{names.get(kind, kind)}{range_}"))
    keys = "".join(
        f'<span class=key><i style="background:{COLOURS[kind]}"></i>{escape(text)}</span>'
        for kind, text in legend
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH + 10} {_HEIGHT}" role="img" aria-label="Success in training '
        f'against environment steps">{"".join(parts)}</svg><p class=keys>{keys}</p>'
    )


def _y(success: float) -> float:
    return _TOP + (1 - success) * (_HEIGHT - _BELOW - _TOP)


def _points(x: NDArray[Any], y: NDArray[Any], last: float) -> list[str]:
    wide = _WIDTH - _LEFT
    return [f"{_LEFT + wide * a / last:.1f},{_y(b):.1f}" for a, b in zip(x, y, strict=True)]


def _axes(last: int) -> str:
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share)
        label = f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH}" class=grid />{label}')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _LEFT + share * (_WIDTH - _LEFT)
        anchor = "end" if share == 1 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BELOW + 18}" text-anchor="{anchor}">'
                     f"{share * last / 1000:,.0f}k</text>")  # fmt: skip
    middle = (_LEFT + _WIDTH) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">environment steps '
                 "(frames)</text>")  # fmt: skip
    return "".join(parts)
