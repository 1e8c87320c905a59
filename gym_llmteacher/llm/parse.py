"""Read a plan out of what a language model wrote. Replies are untrusted text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gym_llmteacher.advice import Plan

MAX_CHARS = 20_000
"""Longer replies are read from the end: the action comes last."""
MAX_STEPS = 50
_MAX_WORDS_PER_LINE = 2_000

_ACTION = re.compile(r"\b(?:action|plan)s?\b[*_`\"' ]{0,5}[:=]", re.I)
_BRACES = re.compile(r"\{([^{}]*)\}|\[([^\[\]]*)\]")
_SEPARATOR = re.compile(r"[,;\n\t|→]|->|=>|\bthen\b", re.I)
_NUMBERING = re.compile(r"^\s*(?:[-*•]\s+|\(?\d{1,3}[.):]\s*)+")
_NOISE = re.compile(r"[^\w]+")
_ARTICLES = frozenset({"the", "a", "an"})


def parse_plan(reply: str, options: Sequence[str]) -> Plan | None:
    """Read the plan that follows the last ``Action:`` of a reply.

    Case, brackets, quotes, numbering, articles and Markdown do not matter. A plan ends before its
    first unknown option: the steps after it presume that it was carried out.

    :param reply: what the model wrote; at most the last 20,000 characters are read
    :param options: names the plan may use, as they are to be returned
    :return: a non-empty tuple of ``options``, or ``None``

    Example::

        >>> parse_plan("It needs a key. Action: {go to <key>, pick up <key>}",
        ...            ["explore", "go to key", "pick up key"])
        ('go to key', 'pick up key')
        >>> parse_plan("Action: {fly away}", ["explore"]) is None
        True
    """
    names = _table(options)
    if not names:
        return None
    text = reply[-MAX_CHARS:]
    for part in _places(text):
        plan = _read(part, names)
        if plan:
            return plan
    return None


def names_a_plan(reply: str) -> bool:
    """Whether a reply has the form of a plan, whatever options it names.

    >>> names_a_plan("Action: {fly away}"), names_a_plan("I cannot help with that.")
    (True, False)
    """
    text = reply[-MAX_CHARS:]
    return _ACTION.search(text) is not None or _BRACES.search(text) is not None


def _places(text: str) -> list[str]:
    """Where the plan may stand, the likeliest place first."""
    marks = list(_ACTION.finditer(text))
    if marks:
        rest = text[marks[-1].end() :].lstrip(" \t\r\n*_`")
        # Nothing else is tried: a model that says "Action:" has said what it wants.
        return [_inside(rest) or _block(rest)]
    groups = [m.group(1) or m.group(2) or "" for m in _BRACES.finditer(text)]
    lines = [line for line in text.splitlines() if line.strip()]
    return groups[-1:] + lines[-1:]


def _inside(rest: str) -> str:
    """What the braces hold that open right away."""
    match = _BRACES.match(rest)
    return (match.group(1) or match.group(2) or "") if match else ""


def _block(rest: str) -> str:
    """The first line, or all lines of a numbered list."""
    lines = rest.splitlines()
    listed = 0
    while listed < len(lines) and _NUMBERING.match(lines[listed]):
        listed += 1
    return "\n".join(lines[: max(listed, 1)])


def _table(options: Sequence[str]) -> dict[str, str]:
    """Forms a name may be written in; forms that two names share stand for neither."""
    table: dict[str, str] = {}
    for form in (_plain, _loose):
        seen: dict[str, set[str]] = {}
        for option in options:
            key = form(option)
            if key:
                seen.setdefault(key, set()).add(option)
        for key, owners in seen.items():
            if key not in table and len(owners) == 1:
                table[key] = next(iter(owners))
    return table


def _plain(text: str) -> str:
    return text.strip().casefold()


def _loose(text: str) -> str:
    words = _NOISE.sub(" ", text.replace("_", " ").casefold()).split()
    return " ".join(word for word in words if word not in _ARTICLES)


def _lookup(item: str, names: dict[str, str]) -> str | None:
    for text in (item, _NUMBERING.sub("", item)):
        for form in (_plain, _loose):
            found = names.get(form(text))
            if found is not None:
                return found
    return None


def _read(part: str, names: dict[str, str]) -> Plan:
    items = [item for item in _SEPARATOR.split(part[:_MAX_WORDS_PER_LINE]) if item.strip()]
    plan: list[str] = []
    start = 0
    while start < len(items) and len(plan) < MAX_STEPS:
        # A name may itself hold a comma: try the longest run of items first.
        for end in range(min(len(items), start + 4), start, -1):
            option = _lookup(" ".join(items[start:end]), names)
            if option is not None:
                plan.append(option)
                start = end
                break
        else:
            break
    return tuple(plan)
