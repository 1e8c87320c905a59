"""Read a plan out of what a language model wrote. Replies are untrusted text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from gym_llmteacher.advice import Plan
from gym_llmteacher.llm.choices import without_thoughts
from gym_llmteacher.llm.names import Names, half_width, starts_a_list

MAX_CHARS = 20_000
"""Longer replies are read from the end: the action comes last."""
MAX_STEPS = 50
_MAX_CHARS_PER_PLAN = 2_000
_MAX_OBJECTS = 20
_LONGEST_RUN = 8  # parts of a text that a name with separators in it may fall into

_ACTION = re.compile(r"\b(?:action|plan|answer)s?\b[*_`\"' ]{0,5}[:=]", re.I)
_MARK = re.compile(
    r"\b(?:answer|next|now needs?|needs?|choice)\b[^:=\n]{0,20}[:=]|\bnow needs\b", re.I
)
_BRACES = re.compile(r"\{([^{}]*)\}|\[([^\[\]]*)\]")
_ANSWER = re.compile(r"<\s*answer\s*>(.*?)(?:<\s*/\s*answer\s*>|\Z)", re.I | re.S)
_SEPARATOR = re.compile(r"[,;\n\t|→]|->|=>|\bthen\b|\band\b", re.I)
_BEFORE = re.compile(r"[\s*_`#>\"'(.\d-]{0,12}")  # what may stand on a line before its mark
_KEYS = ("options", "plan", "actions", "steps", "action", "option", "answer", "choice")


def parse_plan(reply: str, options: Sequence[str], whole: bool = False) -> Plan | None:
    """Read the plan that follows the last ``Action:`` of a reply, or that its JSON holds.

    Case, brackets, quotes, numbering, articles and Markdown do not matter. A plan ends before its
    first unknown option: the steps after it presume that it was carried out. Thoughts
    (``<think>``) are no part of the reply.

    :param reply: what the model wrote; at most the last 20,000 characters are read
    :param options: names the plan may use, as they are to be returned
    :param whole: whether a plan with an unknown option in it is none
    :return: a non-empty tuple of ``options``, or ``None``

    Example::

        >>> parse_plan("It needs a key. Action: {go to <key>, pick up <key>}",
        ...            ["explore", "go to key", "pick up key"])
        ('go to key', 'pick up key')
        >>> parse_plan('{"options": ["explore"]}', ["explore"])
        ('explore',)
        >>> parse_plan("Action: {fly away}", ["explore"]) is None
        True
    """
    names = Names(options)
    if not names:
        return None
    text = half_width(without_thoughts(reply[-MAX_CHARS:]))
    answers = _ANSWER.findall(text)
    if answers:
        text = answers[-1]
    for steps in json_lists(text):
        plan = _known(steps, names, whole)
        if plan:
            return plan
    for part in _places(text):
        plan = _read(part, names, whole)
        if plan:
            return plan
    return None


def names_a_plan(reply: str) -> bool:
    """Whether a reply has the form of a plan, whatever options it names.

    >>> names_a_plan("Action: {fly away}"), names_a_plan("I cannot help with that.")
    (True, False)
    """
    text = half_width(reply[-MAX_CHARS:])
    return any(pattern.search(text) for pattern in (_ACTION, _BRACES, _ANSWER))


def json_objects(text: str) -> Iterator[dict[str, object]]:
    """JSON objects in a text, the last one first; at most twenty places are tried.

    >>> list(json_objects('Well: {"a": 1} and {"b": 2}'))
    [{'b': 2}, {'a': 1}]
    """
    decoder = json.JSONDecoder()
    end = len(text)
    for _ in range(_MAX_OBJECTS):
        end = text.rfind("{", 0, end)
        if end < 0:
            return
        try:
            found, _ = decoder.raw_decode(text, end)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def json_lists(text: str) -> Iterator[list[str]]:
    """Steps that JSON objects give under one of the usual keys, the last object first."""
    for found in json_objects(text):
        for key in _KEYS:
            value = found.get(key)
            steps = [value] if isinstance(value, str) else value
            if isinstance(steps, list):
                yield [step for step in steps if isinstance(step, str)]


def parse_name(reply: str, names: Names) -> str | None:
    """Read the one name that a short reply says.

    >>> names = Names(["key", "door"])
    >>> [parse_name(text, names) for text in ("The key.", "Next: **door**", "key or door?")]
    ['key', 'door', None]
    """
    text = without_thoughts(reply[-MAX_CHARS:])
    lines = [line for line in half_width(text).splitlines() if line.strip()]
    for part in (*lines[:1], *lines[-1:], text):
        tail = _MARK.split(part)[-1]
        for said in (part, tail):
            name = names.find(said)
            if name is not None:
                return name
        mentioned = set(names.mentioned(tail))
        if len(mentioned) == 1:
            return mentioned.pop()
    return None


def _known(steps: Sequence[str], names: Names, whole: bool) -> Plan:
    plan: list[str] = []
    for step in steps[:MAX_STEPS]:
        name = names.find(step)
        if name is None and whole:
            return ()
        if name is None:
            break
        plan.append(name)
    return tuple(plan)


def _places(text: str) -> list[str]:
    """Where the plan may stand, the likeliest place first."""
    marks = list(_ACTION.finditer(text))
    if marks:
        # "Action:" on a line of its own, or before braces, is meant; "this plan: ..." may not be.
        meant = [mark for mark in marks if _is_meant(text, mark)]
        rest = text[(meant or marks)[-1].end() :].lstrip(" \t\r\n*_`")
        # Nothing else is tried: a model that says "Action:" has said what it wants.
        return [_inside(rest) or _block(rest)]
    groups = [m.group(1) or m.group(2) or "" for m in _BRACES.finditer(text)]
    lines = [line for line in text.splitlines() if line.strip()]
    return groups[-1:] + lines[-1:]


def _is_meant(text: str, mark: re.Match[str]) -> bool:
    line = text[text.rfind("\n", 0, mark.start()) + 1 : mark.start()]
    if _BEFORE.fullmatch(line):
        return True
    return text[mark.end() : mark.end() + 40].lstrip(" \t\r\n*_`")[:1] in ("{", "[")


def _inside(rest: str) -> str:
    """What the braces hold that open right away."""
    match = _BRACES.match(rest)
    return (match.group(1) or match.group(2) or "") if match else ""


def _block(rest: str) -> str:
    """The first line, or all lines of a numbered list."""
    lines = rest[:_MAX_CHARS_PER_PLAN].splitlines()
    listed = 0
    while listed < len(lines) and starts_a_list(lines[listed]):
        listed += 1
    return "\n".join(lines[: max(listed, 1)])


def _read(part: str, names: Names, whole: bool) -> Plan:
    part = part[:_MAX_CHARS_PER_PLAN]
    spans = _spans(part)
    plan: list[str] = []
    start = 0
    while start < len(spans) and len(plan) < MAX_STEPS:
        # A name may itself hold a comma or an "and": try the longest run of parts first.
        for end in range(min(len(spans), start + _LONGEST_RUN), start, -1):
            option = names.find(part[spans[start][0] : spans[end - 1][1]])
            if option is not None:
                plan.append(option)
                start = end
                break
        else:
            return () if whole else tuple(plan)
    return tuple(plan)


def _spans(part: str) -> list[tuple[int, int]]:
    """Beginning and end of what stands between separators and is not blank."""
    spans = []
    start = 0
    for separator in [*_SEPARATOR.finditer(part), None]:
        end = len(part) if separator is None else separator.start()
        if part[start:end].strip():
            spans.append((start, end))
        start = end if separator is None else separator.end()
    return spans
