"""Find a known name in what a model wrote: case, articles, brackets and the like do not matter."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERING = re.compile(
    r"^\s*(?:[-*•]\s+|\(?\d{1,3}[.):]\s*|step\s{0,3}\d{1,3}\s{0,3}[:.)-]\s*)+", re.I
)
_NOISE = re.compile(r"[^\w]+")
_ARTICLES = frozenset({"the", "a", "an"})
_FULL_WIDTH = str.maketrans("：，｛｝［］（）；＝、。“”‘’＞", ":,{}[]();=,.\"\"''>")


def half_width(text: str) -> str:
    """The same with the punctuation of ASCII.

    >>> half_width("Action： ｛go left， go right｝")
    'Action: {go left, go right}'
    """
    return text.translate(_FULL_WIDTH)


class Names:
    """Names, and every form in which each may be written.

    A form that two names share stands for neither.

    >>> names = Names(["go to key", "pick up key"])
    >>> names.find("1. Go to the <key>."), names.find("open door") is None
    ('go to key', True)
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._table: dict[str, str] = {}
        for form in (_plain, _loose):
            owners: dict[str, set[str]] = {}
            for name in names:
                if key := form(name):
                    owners.setdefault(key, set()).add(name)
            for key, found in owners.items():
                if key not in self._table and len(found) == 1:
                    self._table[key] = next(iter(found))

    def __bool__(self) -> bool:
        return bool(self._table)

    def find(self, item: str) -> str | None:
        """The name that ``item`` is, if it is one."""
        for text in (item, _NUMBERING.sub("", item)):
            for form in (_plain, _loose):
                found = self._table.get(form(text))
                if found is not None:
                    return found
        return None

    def mentioned(self, text: str) -> list[str]:
        """Names that stand in ``text``, in order; of names within names, the longest.

        >>> Names(["key", "red key", "door"]).mentioned("The red key opens the door.")
        ['red key', 'door']
        """
        words = _loose(text).split()
        longest = max((len(key.split()) for key in self._table), default=0)
        found: list[str] = []
        at = 0
        while at < len(words):
            for end in range(min(len(words), at + longest), at, -1):
                name = self._table.get(" ".join(words[at:end]))
                if name is not None:
                    found.append(name)
                    at = end
                    break
            else:
                at += 1
        return found


def starts_a_list(line: str) -> bool:
    """Whether a line is numbered or has a bullet."""
    return _NUMBERING.match(line) is not None


def _plain(text: str) -> str:
    return half_width(text).strip().casefold()


def _loose(text: str) -> str:
    words = _NOISE.sub(" ", half_width(text).replace("_", " ").casefold()).split()
    return " ".join(word for word in words if word not in _ARTICLES)
