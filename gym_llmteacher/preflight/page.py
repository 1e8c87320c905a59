"""The report as one self-contained HTML page; all words of others are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from gym_llmteacher.preflight.check import Check
from gym_llmteacher.preflight.style import STYLE
from gym_llmteacher.preflight.suite import RANDOM, Standing, leaderboard
from gym_llmteacher.shown import shown

Cell = tuple[str, str, str]
"""Column, its content as HTML, and a class: ``"n"`` for numbers."""


def page(checks: Sequence[tuple[Check, str]]) -> str:
    """HTML; nothing in it is loaded from anywhere.

    :param checks: each with its verdict (empty: none)
    """
    played = [check for check, _ in checks]
    parts = "".join(details(check, said) for check, said in checks if said)
    several = len({check.env_id for check in played}) > 1
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Teachers, checked</title><style>{STYLE}</style></head><body>"
        "<h1>Teachers, checked</h1>"
        f"<p>Each played {played[0].episodes} episodes per env by itself, at random from its own "
        f"advice, on the same seeds. <em>{RANDOM}</em> has no advice at all.</p>"
        f"{_leaderboard(leaderboard(played)) + _matrix(played) if several else ''}"
        f"{_results(played, several)}"
        f"<h2>What to do next, and where episodes were lost</h2>{parts}</body></html>"
    )


def _results(played: Sequence[Check], folded: bool) -> str:
    table = _table(map(_row, played))
    if folded:
        return f"<details><summary>All results, with calls and seconds</summary>{table}</details>"
    return f"<h2>Results</h2>{table}"


def heads(names: Sequence[str]) -> str:
    """The first row of a table."""
    return f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"


def words(text: str, lines: bool = False) -> str:
    """Words of others: nothing in them is markup."""
    return escape(shown(text, lines))


def _table(rows: Iterable[list[Cell]]) -> str:
    """A table; on narrow screens each row becomes a card, and each cell tells its column."""
    found = list(rows)
    if not found:
        return ""
    head = "".join(f'<th class="{kind}">{escape(name)}</th>' for name, _, kind in found[0])
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{k}" data-label="{escape(name)}"><div>{cell}</div></td>'
            for name, cell, k in r
        )
        + "</tr>"
        for r in found
    )
    return f'<table class="cards"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _leaderboard(standings: Sequence[Standing]) -> str:
    rows: list[list[Cell]] = [
        [
            ("teacher", f"<code>{words(one.teacher)}</code>", ""),
            ("solved on average", _bar(one.success), "n"),
            ("envs half solved", f"{one.solved} of {one.envs}", "n"),
            ("above chance", f"{one.above_chance} of {one.envs}", "n"),
            ("calls", f"{one.calls:.0f}", "n"),
            ("US dollars", f"{one.cost_usd:.4f}", "n"),
        ]
        for one in standings
    ]
    return f"<h2>Leaderboard</h2>{_table(rows)}"


def _matrix(played: Sequence[Check]) -> str:
    """Solved by env and teacher."""
    teachers = list(dict.fromkeys(check.teacher for check in played))
    found = {(check.env_id, check.teacher): check.success for check in played}
    rows: list[list[Cell]] = [
        [("env", _env(env_id), "")]
        + [(shown(name), _bar(found.get((env_id, name))), "n") for name in teachers]
        for env_id in dict.fromkeys(check.env_id for check in played)
    ]
    return f"<h2>Solved, by env</h2>{_table(rows)}"


def _env(env_id: str) -> str:
    return words(env_id).replace("/", "/<wbr>")


def _bar(share: float | None, note: str = "") -> str:
    if share is None:
        return "-"
    width = f'<span class="bar"><span style="width:{share:.0%}"></span></span>'
    return f'<span class="share">{share:.0%}{width}</span>{note}'


def _row(check: Check) -> list[Cell]:
    low, high = check.interval
    median, most = check.said.seconds
    return [
        ("env", _env(check.env_id), ""),
        ("teacher", f"<code>{words(check.teacher)}</code>", ""),
        ("solved (95 %)", _bar(check.success, f"<small>{low:.0%} to {high:.0%}</small>"), "n"),
        ("return", f"{check.mean_return:.3g}", "n"),
        ("had advice", f"{check.said.advised:.0%}", "n"),
        ("calls", f"{check.said.totals.get('calls', 0):.0f}", "n"),
        ("US dollars", f"{check.said.totals.get('cost_usd', 0):.4f}", "n"),
        ("seconds per answer (p95)", f"{median:.2f} ({most:.2f})", "n"),
    ]


def details(check: Check, verdict: str) -> str:
    """What came of a teacher's advice, text by text.

    :param verdict: empty: none
    """
    endings = ", ".join(f"{how}: {times}" for how, times in check.endings.items())
    rows: list[list[Cell]] = [
        [
            ("situation", words(spot.text), ""),
            ("episodes", str(spot.visits), "n"),
            ("won", str(spot.won), "n"),
            ("lost here", str(spot.lost_here), "n"),
            ("advice", words(spot.advice), ""),
            ("what followed", words(spot.followed) or "nothing that was advised", ""),
        ]
        for spot in check.spots
    ]
    says, _, command = verdict.partition(" Next: ")
    following = f"<br>Next: <code>{words(command)}</code>" if command else ""
    good = check.success >= 0.5
    told = f'<p class="verdict {"good" if good else "poor"}">{words(says)}{following}</p>'
    return (
        f"<details{' open' if not (good and verdict) else ''}><summary><b>{check.success:.0%}</b> "
        f"<code>{words(check.teacher)}</code> in {words(check.env_id)}</summary>"
        f"{told if verdict else ''}"
        f"<p>How {check.episodes} episodes ended: {words(endings)}. Mean probability of the best "
        f"plan: {check.said.agreement:.0%}. Worst situations first; <em>lost here</em>: lost "
        f"episodes that ended in it.</p>{_table(rows)}</details>"
    )
