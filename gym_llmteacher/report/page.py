"""The page: results, curves, an episode to step through, what was said, spend, settings."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from gym_llmteacher.llm.record import Record
from gym_llmteacher.preflight.check import Check
from gym_llmteacher.preflight.page import details, heads, words
from gym_llmteacher.preflight.style import STYLE
from gym_llmteacher.report.curves import COLOURS, svg
from gym_llmteacher.report.episode import Played

_PACKAGES = ("gym-llmteacher", "gymnasium", "minigrid", "stable-baselines3", "torch", "numpy",
             "litellm")  # fmt: skip
_MORE = f"""
svg {{ width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor; }}
.grid {{ stroke: #8884; }}
.keys {{ display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: 0 0 2rem; }}
.key i {{ display: inline-block; width: 1rem; height: .7rem; margin-right: .4rem; }}
.film {{ display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start; }}
.film img {{ max-width: 100%; image-rendering: pixelated; }}
.film > div {{ flex: 1 1 20rem; min-width: 0; }}
.act {{ display: grid; grid-template-columns: 8rem 1fr 3rem; gap: .1rem .6rem; font-size: .9em; }}
.act div {{ height: .55rem; margin-top: .15rem; }}
.t {{ background: {COLOURS["alone"]}; }} .s {{ background: {COLOURS["teacher"]}; }}
input[type=range] {{ width: 100%; }}
pre {{ background: #8882; padding: .7rem 1rem; overflow-x: auto; }}
"""
_SCRIPT = """
const film = JSON.parse(document.getElementById("film").textContent);
const at = document.getElementById("at"), by = id => document.getElementById(id);
function bar(kind, p) {
  const div = document.createElement("div");
  div.className = kind; div.style.width = (100 * (p || 0)).toFixed(1) + "%";
  return div;
}
function show() {
  const i = +at.value, m = film.moments[i];
  by("step").textContent = "step " + i + " of " + (film.moments.length - 1);
  by("text").textContent = m.text; by("said").textContent = m.said;
  if (m.frame) by("frame").src = m.frame;
  const rows = by("bars"); rows.replaceChildren();
  film.names.forEach((name, a) => {
    const label = document.createElement("span"), both = document.createElement("span"),
      share = document.createElement("span");
    label.textContent = name; both.append(bar("t", m.prior && m.prior[a]), bar("s", m.policy[a]));
    share.textContent = (100 * m.policy[a]).toFixed(0) + " %";
    rows.append(label, both, share);
  });
}
at.addEventListener("input", show); show();
"""


def page(
    data: Mapping[str, Any],
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    film: Played | None,
    answers: Sequence[Record],
    checked: Check | None,
    command: str,
) -> str:
    """HTML.

    :param data: what ``results.json`` holds
    :param table: head and rows of the results
    :param film: an episode of a student
    :param answers: what the teacher was asked and said
    :param checked: what came of its advice when it played by itself
    :param command: reproduces the training
    """
    env = str(data["config"]["env"])
    head, rows = table
    body = "".join(f"<tr>{''.join(f'<td>{words(cell)}</td>' for cell in row)}</tr>" for row in rows)
    parts = [
        f"<h1>{words(env)}</h1><p>{words(_first_words(data))}</p>",
        f"<h2>Results</h2><table>{heads(head)}{body}</table>",
        _curves(data),
        _film(film),
        _said(answers),
        "" if checked is None else
        "<p>Played by itself, at random from its advice, worst texts first:</p>"
        + details(checked, ""),
        _settings(data, command),
    ]  # fmt: skip
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{words(env)}</title>'
        f"<style>{STYLE}{_MORE}</style>{''.join(parts)}</html>"
    )


def _first_words(data: Mapping[str, Any]) -> str:
    def mean(kind: str) -> str | None:
        shares = [run["sampled"]["success"] for run in data["runs"] if run["kind"] == kind]
        known = [share for share in shares if share == share]
        return f"{sum(known) / len(known):.0%}" if known else None

    taught, plain = mean("teacher"), mean("ppo")
    said = [f"{len(data['config']['seeds'])} seed(s), {data['config']['steps']:,} frames each."]
    if taught:
        said.append(f"Students with a teacher end at {taught} success.")
    if plain:
        said.append(f"Plain PPO ends at {plain}.")
    return " ".join(said)


def _curves(data: Mapping[str, Any]) -> str:
    curves: dict[str, list[Any]] = {}
    for run in data["runs"]:
        curve = [(frames, share) for frames, share in run["curve"] if share == share]
        if curve:
            curves.setdefault(run["kind"], []).append(curve)
    if not curves:
        return ""
    alone = data["teacher"][0]["success"] if data.get("teacher") else None
    names = {"teacher": "student with a teacher (TeacherPPO)", "ppo": "plain PPO"}
    return "<h2>Success in training</h2>" + svg(curves, names, alone if alone == alone else None)


def _film(film: Played | None) -> str:
    if film is None or not film.moments:
        return ""
    form = json.dumps(asdict(film)).replace("<", "\\u003c")
    picture = '<img id=frame alt="What the env looks like at this step">' if film.moments[
        0
    ].frame else ""  # fmt: skip
    return (
        f"<h2>One episode, step by step</h2><p>The student plays; {words(film.ending)}. It needs "
        "no teacher any more: what that would say stands beside it.</p>"
        f'<input type=range id=at min=0 max="{len(film.moments) - 1}" value=0 '
        f'aria-label="step"><div class=film>{picture}<div><p id=step></p>'
        "<p><b>The teacher is told:</b> <span id=text></span></p>"
        "<p><b>It advises:</b> <span id=said></span></p><p class=keys>"
        "<span class=key><i class=t></i>teacher's prior</span>"
        "<span class=key><i class=s></i>student's policy</span></p>"
        f"<div id=bars class=act></div></div></div>"
        f'<script type="application/json" id=film>{form}</script><script>{_SCRIPT}</script>'
    )


def _said(answers: Sequence[Record]) -> str:
    if not answers:
        return "<h2>The teacher</h2>"
    rows = []
    for record in answers:
        shown = "<br>".join(f"{share:.0%} {words(text[-160:])}" for text, share in _shares(record))
        rows.append(
            f"<tr><td>{words(record.text)}</td><td>{words(record.elicitation)}</td><td>{shown}</td>"
            "</tr>"
        )
    return (
        f"<h2>What the teacher was asked and said</h2><p>{len(rows)} questions, each asked "
        "once.</p>"
        f"<table>{heads(['situation', 'asked by', 'said most often'])}{''.join(rows)}</table>"
    )


def _shares(record: Record) -> list[tuple[str, float]]:
    """What was said most often; of candidates that were scored, how likely each is."""
    scores = record.reply.get("logprobs") or []
    if len(scores) > 1 and all(len(score) == 1 for score in scores):
        likely = np.exp([float(score[0][1]) for score in scores])
        pairs = zip(record.texts, (likely / max(likely.sum(), 1e-9)).tolist(), strict=False)
        return sorted(pairs, key=lambda pair: -pair[1])[:3]
    said = Counter(text.strip() for text in record.texts).most_common(3)
    return [(text, times / max(1, len(record.texts))) for text, times in said]


def _settings(data: Mapping[str, Any], command: str) -> str:
    spent = Counter[str]()
    for run in data["runs"]:
        spent.update(run.get("teacher") or {})
    costs = ", ".join(
        f"{name.replace('_', ' ')}: {spent[name]:,.4g}"
        for name in ("calls", "prompt_tokens", "completion_tokens", "cost_usd", "seconds")
        if spent.get(name)
    )
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return (
        f"<h2>Spend</h2><p>{escape(costs) or 'No language model was asked.'}</p>"
        f"<h2>Again</h2><pre>{words(command)}</pre>"
        f"<h2>Settings</h2><pre>{words(json.dumps(data['config'], indent=2), lines=True)}</pre>"
        f"<p>Python {platform.python_version()}, {escape(versions)}</p>"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
