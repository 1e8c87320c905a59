"""The report as one self-contained HTML page; all words of others are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gym_llmteacher.preflight.check import Check
from gym_llmteacher.shown import shown

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem; display: block;
  overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem;
  border-bottom: 1px solid #8884; }
td.n { text-align: right; white-space: nowrap; }
.bar { background: #8883; width: 9rem; height: .8rem; border-radius: .4rem; }
.bar div { background: #2a7; height: 100%; border-radius: .4rem; }
.verdict { padding: .6rem 1rem; border-left: .3rem solid #2a7; background: #2a71; }
"""


def page(checks: Sequence[tuple[Check, str]]) -> str:
    """HTML.

    :param checks: each with its verdict (empty: none)
    """
    rows = "".join(_row(check) for check, _ in checks)
    head = ["env", "teacher", "solved", "", "95 % interval", "return", "had advice", "calls",
            "US dollars", "seconds per answer (p50, p95)"]  # fmt: skip
    parts = "".join(details(check, said) for check, said in checks if said)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Teachers, checked</title>'
        f"<style>{STYLE}</style><h1>Teachers, checked</h1>"
        "<p>Each played by itself, at random from its own advice, on the same seeds. "
        "<em>random</em> has no advice at all.</p>"
        f"<table>{heads(head)}{rows}</table>{parts}</html>"
    )


def heads(names: Sequence[str]) -> str:
    """The first row of a table."""
    return f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"


def words(text: str, lines: bool = False) -> str:
    """Words of others: nothing in them is markup."""
    return escape(shown(text, lines))


def _row(check: Check) -> str:
    low, high = check.interval
    median, most = check.said.seconds
    cells = [
        f"{check.success:.0%}",
        f'<div class="bar"><div style="width:{check.success:.0%}"></div></div>',
        f"{low:.0%} to {high:.0%}", f"{check.mean_return:.3g}", f"{check.said.advised:.0%}",
        f"{check.said.totals.get('calls', 0):.0f}", f"{check.said.totals.get('cost_usd', 0):.4f}",
        f"{median:.2f}, {most:.2f}",
    ]  # fmt: skip
    named = "".join(f"<td>{words(text)}</td>" for text in (check.env_id, check.teacher))
    return f"<tr>{named}{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>"


def details(check: Check, verdict: str) -> str:
    """What came of a teacher's advice, text by text."""
    endings = ", ".join(f"{how}: {times}" for how, times in check.endings.items())
    rows = "".join(
        f"<tr><td>{words(s.text)}</td><td class=n>{s.visits}</td><td class=n>{s.won}</td>"
        f"<td class=n>{s.lost_here}</td><td>{words(s.advice)}</td>"
        f"<td>{words(s.followed)}</td></tr>"
        for s in check.spots
    )
    head = heads(["text", "episodes", "won", "lost here", "advice", "what followed"])
    return (
        f"<h2>{words(check.teacher)} in {words(check.env_id)}</h2>"
        + (f"<p class=verdict>{words(verdict)}</p>" if verdict else "")
        + f"<p>How {check.episodes} episodes ended: {words(endings)}. Agreement among samples: "
        f"{check.said.agreement:.0%}.</p><table>{head}{rows}</table>"
    )
